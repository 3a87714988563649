// CUB's algorithms on the CPU: CUB's signatures, plain loops. Queued on the stream as kernels are.
#pragma once

#include "cub/block/block_radix_sort.cuh"
#include "cub/block/block_reduce.cuh"
#include "cub/block/block_scan.cuh"
#include "cub/device/device_merge_sort.cuh"
#include "cub/device/device_partition.cuh"
#include "cub/device/device_radix_sort.cuh"
#include "cub/device/device_reduce.cuh"
#include "cub/device/device_run_length_encode.cuh"
#include "cub/device/device_scan.cuh"
#include "cub/device/device_segmented_radix_sort.cuh"
#include "cub/device/device_segmented_reduce.cuh"
#include "cub/device/device_segmented_sort.cuh"
#include "cub/device/device_select.cuh"
#include "cub/warp/warp_reduce.cuh"
