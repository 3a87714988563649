// The emulated CUPTI, linked as the library would be loaded: which records come when, and what is refused.
#include <cupti.h>

#include <cstdlib>
#include <string>

#include "device.h"

namespace {

__global__ void add_one(float* data) { data[threadIdx.x] += 1; }

struct Buffer {
  uint8_t* data;
  size_t valid;
};
std::vector<Buffer> g_buffers;
bool g_none = false;  // gives no buffers

void request(uint8_t** buffer, size_t* size, size_t* most) {
  *size = 4096;
  *buffer = g_none ? nullptr : static_cast<uint8_t*>(std::aligned_alloc(8, *size));
  *most = 0;
}
void complete(CUcontext, uint32_t, uint8_t* data, size_t, size_t valid) {
  g_buffers.push_back({data, valid});
}

constexpr CUpti_ActivityKind kKinds[] = {CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION,
                                         CUPTI_ACTIVITY_KIND_RUNTIME, CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL,
                                         CUPTI_ACTIVITY_KIND_MEMCPY, CUPTI_ACTIVITY_KIND_MEMSET};

// A subscriber with callbacks and kinds, for the length of a test.
struct Session {
  CUpti_SubscriberHandle subscriber = nullptr;
  Session() {
    REQUIRE(cuptiSubscribe(&subscriber, nullptr, nullptr) == CUPTI_SUCCESS);
    REQUIRE(cuptiActivityRegisterCallbacks(request, complete) == CUPTI_SUCCESS);
    for (const CUpti_ActivityKind kind : kKinds) REQUIRE(cuptiActivityEnable(kind) == CUPTI_SUCCESS);
  }
  ~Session() {
    for (const CUpti_ActivityKind kind : kKinds) cuptiActivityDisable(kind);
    cuptiActivityFlushAll(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED);
    cuptiUnsubscribe(subscriber);
    for (const Buffer& buffer : g_buffers) std::free(buffer.data);
    g_buffers.clear();
  }
};

template <class T>
std::vector<T> records(CUpti_ActivityKind kind) {
  std::vector<T> found;
  for (const Buffer& buffer : g_buffers) {
    CUpti_Activity* record = nullptr;
    CUptiResult status;
    while ((status = cuptiActivityGetNextRecord(buffer.data, buffer.valid, &record)) == CUPTI_SUCCESS)
      if (record->kind == kind) found.push_back(*reinterpret_cast<T*>(record));
    CHECK(status == CUPTI_ERROR_MAX_LIMIT_REACHED);
  }
  return found;
}
std::vector<CUpti_ActivityKernel10> kernels() {
  return records<CUpti_ActivityKernel10>(CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL);
}

}  // namespace

TEST_CASE("CUPTI: records of kernels, copies and fills, and what ties them to their caller", "[cupti]") {
  DeviceArray<float> data(std::vector<float>(32, 1));
  uint64_t before = 0, after = 0;
  const Session session;
  REQUIRE(cuptiGetTimestamp(&before) == CUPTI_SUCCESS);
  REQUIRE(cuptiActivityPushExternalCorrelationId(CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM0, 7) ==
          CUPTI_SUCCESS);
  REQUIRE(cuptiActivityPushExternalCorrelationId(CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM0, 8) ==
          CUPTI_SUCCESS);
  CHECK_CUDA(run(add_one, 1, 32, 16, nullptr, data.data()));
  uint64_t last = 0;
  REQUIRE(cuptiActivityPopExternalCorrelationId(CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM0, &last) ==
          CUPTI_SUCCESS);
  CHECK(last == 8);
  CHECK_CUDA(cudaMemsetAsync(data.data(), 0, 12, nullptr));
  REQUIRE(cuptiActivityPopExternalCorrelationId(CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM0, nullptr) ==
          CUPTI_SUCCESS);
  CHECK(cuptiActivityPopExternalCorrelationId(CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM0, nullptr) ==
        CUPTI_ERROR_QUEUE_EMPTY);
  CHECK(data.host()[5] == 2);
  REQUIRE(cuptiGetTimestamp(&after) == CUPTI_SUCCESS);
  REQUIRE(cuptiActivityFlushAll(0) == CUPTI_SUCCESS);

  const auto launched = kernels();
  REQUIRE(launched.size() == 1);
  CHECK(std::string(launched[0].name).find("add_one") != std::string::npos);
  CHECK(launched[0].blockX == 32);
  CHECK(launched[0].dynamicSharedMemory == 16);
  CHECK((before <= launched[0].start && launched[0].start < launched[0].end && launched[0].end <= after));
  const auto fills = records<CUpti_ActivityMemset4>(CUPTI_ACTIVITY_KIND_MEMSET);
  REQUIRE(fills.size() == 1);
  CHECK(fills[0].bytes == 12);
  const auto copies = records<CUpti_ActivityMemcpy6>(CUPTI_ACTIVITY_KIND_MEMCPY);
  REQUIRE(copies.size() == 1);
  CHECK(copies[0].copyKind == CUPTI_ACTIVITY_MEMCPY_KIND_DTOH);
  const auto ties = records<CUpti_ActivityExternalCorrelation>(CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION);
  REQUIRE(ties.size() == 2);  // the copy was within nothing
  CHECK((ties[0].externalId == 8 && ties[0].correlationId == launched[0].correlationId));
  CHECK((ties[1].externalId == 7 && ties[1].correlationId == fills[0].correlationId));
}

TEST_CASE("CUPTI: what has not run comes without times, where it is forced to come", "[cupti]") {
  DeviceArray<float> data(std::vector<float>(32, 1));
  const Session session;
  CHECK_CUDA(run(add_one, 1, 32, 0, nullptr, data.data()));
  REQUIRE(cuptiActivityFlushAll(0) == CUPTI_SUCCESS);
  CHECK(kernels().empty());
  REQUIRE(cuptiActivityFlushAll(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED) == CUPTI_SUCCESS);
  REQUIRE(kernels().size() == 1);
  CHECK((kernels()[0].start == 0 && kernels()[0].end == 0));
  CHECK_CUDA(cudaDeviceSynchronize());
  REQUIRE(cuptiActivityFlushAll(0) == CUPTI_SUCCESS);
  CHECK(kernels().size() == 1);
}

TEST_CASE("CUPTI: without a buffer records are dropped and counted", "[cupti]") {
  DeviceArray<float> data(std::vector<float>(32, 1));
  const Session session;
  g_none = true;
  CHECK_CUDA(run(add_one, 1, 32, 0, nullptr, data.data()));
  CHECK_CUDA(cudaDeviceSynchronize());
  REQUIRE(cuptiActivityFlushAll(0) == CUPTI_SUCCESS);
  g_none = false;
  size_t dropped = 0;
  REQUIRE(cuptiActivityGetNumDroppedRecords(nullptr, 0, &dropped) == CUPTI_SUCCESS);
  CHECK(dropped == 2);  // the kernel and its call
  REQUIRE(cuptiActivityGetNumDroppedRecords(nullptr, 0, &dropped) == CUPTI_SUCCESS);
  CHECK(dropped == 0);
}

TEST_CASE("CUPTI: what the library leaves to the caller is refused", "[cupti]") {
  CHECK(cuptiActivityEnable(CUPTI_ACTIVITY_KIND_RUNTIME) == CUPTI_ERROR_NOT_COMPATIBLE);  // no subscriber
  CHECK(cuptiActivityDisable(CUPTI_ACTIVITY_KIND_RUNTIME) == CUPTI_ERROR_INVALID_KIND);
  CHECK(cuptiActivityRegisterCallbacks(request, nullptr) == CUPTI_ERROR_INVALID_PARAMETER);
  const Session session;
  CUpti_SubscriberHandle other = nullptr;
  CHECK(cuptiSubscribe(&other, nullptr, nullptr) == CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED);
  CHECK(cuptiActivityEnable(CUPTI_ACTIVITY_KIND_RUNTIME) == CUPTI_ERROR_NOT_COMPATIBLE);  // twice
  CHECK(cuptiActivityEnable(CUPTI_ACTIVITY_KIND_INVALID) == CUPTI_ERROR_INVALID_KIND);
  CHECK(cuptiUnsubscribe(session.subscriber) == CUPTI_ERROR_INVALID_OPERATION);  // kinds are enabled
  uint8_t mine[64] = {};
  CUpti_Activity* record = nullptr;
  CHECK(cuptiActivityGetNextRecord(mine, sizeof mine, &record) == CUPTI_ERROR_INVALID_PARAMETER);
}
