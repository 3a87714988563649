// Symbol visibility. Everything is hidden by default; what other libraries share (the extension module, the
// oneDNN and CUDA libraries, outside ops) is marked PLAIT_API, so that there is one registry and one context
// in a process.
#pragma once

#define PLAIT_API __attribute__((visibility("default")))
