// NCCL's functions, from the library that is loaded when the first group asks for it, and what they say when
// they fail.
#pragma once

#include <nccl.h>

#include <string>

namespace plait::cuda {

struct Nccl {
  decltype(&ncclGetVersion) get_version;
  decltype(&ncclGetUniqueId) get_unique_id;
  decltype(&ncclCommInitRankConfig) init_rank;
  decltype(&ncclCommFinalize) finalize;
  decltype(&ncclCommDestroy) destroy;
  decltype(&ncclCommAbort) abort;
  decltype(&ncclGetErrorString) error_string;
  decltype(&ncclGetLastError) last_error;
  decltype(&ncclCommGetAsyncError) async_error;
  decltype(&ncclAllReduce) all_reduce;
  decltype(&ncclReduce) reduce;
  decltype(&ncclBroadcast) broadcast;
  decltype(&ncclAllGather) all_gather;
  decltype(&ncclReduceScatter) reduce_scatter;
  decltype(&ncclSend) send;
  decltype(&ncclRecv) receive;
  decltype(&ncclGroupStart) group_start;
  decltype(&ncclGroupEnd) group_end;
};

const Nccl* find_nccl();      // null: it is not there
const Nccl& require_nccl();   // raises RuntimeError, which says what to install
int nccl_version() noexcept;  // 22809 for 2.28.9; 0: it is not there

// "ncclAllReduce failed: invalid usage (5); the library says: ..."
std::string nccl_failure(const char* call, ncclResult_t status, ncclComm_t comm);

}  // namespace plait::cuda
