// cuBLAS, cuDNN and cuSOLVER: handles, sizes of workspaces, and one launch for each product, convolution or
// decomposition. Their own headers are not at hand: the arguments are those of the manuals, as far as they are read.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "card.h"

static const int FAILED = 13, DNN_FAILED = 5000;  // CUBLAS_STATUS_EXECUTION_FAILED and cuDNN's
static thread_local cudaStream_t blas_stream, dnn_stream, solver_stream;

static int handle(void** made) {
  *made = calloc(1, 256);
  return 0;
}
static int blas(const char* name, cudaStream_t stream) { return work("launch", name, stream) ? FAILED : 0; }

#define HANDLE(name) \
  int name(void** made) { return handle(made); }
#define BLAS(name) \
  int name() { return blas(#name, blas_stream); }

extern "C" {
// ------------------------------------------------------------------ cuBLAS
HANDLE(cublasCreate_v2)
int cublasSetStream_v2(void*, cudaStream_t stream) {
  blas_stream = stream;
  return 0;
}
int cublasGetMathMode(void*, int* mode) {
  *mode = 0;
  return 0;
}
int cublasGetPointerMode_v2(void*, int* mode) {
  *mode = 0;
  return 0;
}
BLAS(cublasGemmEx)
BLAS(cublasSgemm_v2)
BLAS(cublasDgemm_v2)
BLAS(cublasSgemmEx)
BLAS(cublasGemmStridedBatchedEx)
BLAS(cublasSgemmStridedBatched)
BLAS(cublasDgemmStridedBatched)
BLAS(cublasSgemmBatched)
BLAS(cublasSgemv_v2)
BLAS(cublasDgemv_v2)
BLAS(cublasSdot_v2)
BLAS(cublasDdot_v2)

size_t cublasLtGetVersion() { return 130400; }
HANDLE(cublasLtMatmulDescCreate)
HANDLE(cublasLtMatrixLayoutCreate)
HANDLE(cublasLtMatmulPreferenceCreate)
int cublasLtMatmulAlgoGetHeuristic(void*, void*, void*, void*, void*, void*, void*, int wanted, void*, int* found) {
  *found = std::min(wanted, 1);
  return 0;
}
int cublasLtMatmul(void*, void*, const void*, const void*, void*, const void*, void*, const void*, const void*, void*,
                   void*, void*, const void*, void*, size_t, cudaStream_t stream) {
  return blas("cublasLtMatmul", stream);
}

// ------------------------------------------------------------------ cuDNN
HANDLE(cudnnCreate)
HANDLE(cudnnCreateTensorDescriptor)
HANDLE(cudnnCreateFilterDescriptor)
HANDLE(cudnnCreateConvolutionDescriptor)
HANDLE(cudnnCreateActivationDescriptor)
HANDLE(cudnnCreatePoolingDescriptor)
int cudnnSetStream(void*, cudaStream_t stream) {
  dnn_stream = stream;
  return 0;
}
int cudnnGetStream(void*, cudaStream_t* stream) {
  *stream = dnn_stream;
  return 0;
}
size_t cudnnGetVersion() { return 92600; }
size_t cudnnGetCudartVersion() { return 13020; }
int cudnnGetProperty(int which, int* value) {
  *value = which == 0 ? 9 : which == 1 ? 26 : 0;
  return 0;
}
const char* cudnnGetErrorString(int status) {
  return status ? "CUDNN_STATUS_EXECUTION_FAILED" : "CUDNN_STATUS_SUCCESS";
}
void cudnnGetLastErrorString(char* text, size_t length) {
  if (length) *text = 0;
}

// Convolutions are described attribute by attribute, and then executed.
enum { DIMENSIONS = 902, STRIDES = 903 };                 // of a tensor
enum { HANDLE_TYPE = 0, BOOLEAN = 2, INT64 = 3, DESCRIPTOR = 15 };  // of attributes
int cudnnBackendCreateDescriptor(int, void** made) { return handle(made); }

// One of everything that is asked for, an engine among them, and no notes on any.
int cudnnBackendGetAttribute(void*, int, int type, int64_t asked, int64_t* count, void* values) {
  bool one = type == DESCRIPTOR || type == INT64 || type == HANDLE_TYPE || type == BOOLEAN;
  if (count) *count = one ? std::min<int64_t>(1, values ? asked : 1) : 0;
  if (values && type == INT64) *static_cast<int64_t*>(values) = 0;
  if (values && type == BOOLEAN) *static_cast<bool*>(values) = false;
  return 0;
}

// In which layout each tensor comes: channels last where the stride of the channels is 1.
int cudnnBackendSetAttribute(void* descriptor, int name, int, int64_t count, const void* values) {
  static auto* dimensions = new std::map<void*, std::vector<int64_t>>;
  Guard guard(card().lock);
  auto* numbers = static_cast<const int64_t*>(values);
  if (name == DIMENSIONS) (*dimensions)[descriptor].assign(numbers, numbers + count);
  if (name == STRIDES && count == 4) {
    std::string layout = numbers[1] == 1 ? "NHWC" : "NCHW";
    for (auto n : (*dimensions)[descriptor]) layout += " " + std::to_string(n);
    ++card().layouts[layout];
  }
  return 0;
}
int cudnnBackendExecute() { return work("launch", "cudnnBackendExecute", dnn_stream) ? DNN_FAILED : 0; }

int cudnnGetBatchNormalizationForwardTrainingExWorkspaceSize(void*, int, int, void*, void*, void*, void*, void*,
                                                             size_t* bytes) {
  *bytes = 0;
  return 0;
}
int cudnnGetBatchNormalizationBackwardExWorkspaceSize(void*, int, int, void*, void*, void*, void*, void*, void*, void*,
                                                      size_t* bytes) {
  *bytes = 0;
  return 0;
}
int cudnnGetBatchNormalizationTrainingExReserveSpaceSize(void*, int, int, void*, void*, size_t* bytes) {
  *bytes = 0;
  return 0;
}
#define BATCHNORM(name) \
  int name() { return work("launch", #name, dnn_stream) ? DNN_FAILED : 0; }
BATCHNORM(cudnnBatchNormalizationForwardTrainingEx)
BATCHNORM(cudnnBatchNormalizationBackwardEx)
BATCHNORM(cudnnBatchNormalizationForwardInference)

// ------------------------------------------------------------------ cuSOLVER
HANDLE(cusolverDnCreate)
HANDLE(cusolverDnCreateParams)
int cusolverDnSetStream(void*, cudaStream_t stream) {
  solver_stream = stream;
  return 0;
}
static int solved(const char* name, int64_t n, int* info, int64_t batch) {
  for (int64_t k = 0; k < batch; ++k) info[k] = 0;
  return work("launch", name + (" n=" + std::to_string(n)), solver_stream) ? FAILED : 0;
}
int cusolverDnXsyevd_bufferSize(void*, void*, int, int, int64_t, int, const void*, int64_t, int, const void*, int,
                                size_t* on_card, size_t* on_host) {
  *on_card = *on_host = 1024;
  return 0;
}
int cusolverDnXsyevd(void*, void*, int, int, int64_t n, int, void*, int64_t, int, void*, int, void*, size_t, void*,
                     size_t, int* info) {
  return solved("cusolverDnXsyevd", n, info, 1);
}
int cusolverDnXsyevBatched_bufferSize(void*, void*, int, int, int64_t, int, const void*, int64_t, int, const void*, int,
                                      size_t* on_card, size_t* on_host, int64_t) {
  *on_card = *on_host = 1024;
  return 0;
}
int cusolverDnXsyevBatched(void*, void*, int, int, int64_t n, int, void*, int64_t, int, void*, int, void*, size_t,
                           void*, size_t, int* info, int64_t batch) {
  return solved("cusolverDnXsyevBatched", n, info, batch);
}
int cusolverDnDsyevd_bufferSize(void*, int, int, int, const void*, int, const void*, int* numbers) {
  *numbers = 1024;
  return 0;
}
int cusolverDnDsyevd(void*, int, int, int n, void*, int, void*, void*, int, int* info) {
  return solved("cusolverDnDsyevd", n, info, 1);
}
}
