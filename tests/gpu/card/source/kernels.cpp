// Kernels: found by the names under which torch registers them and Triton loads them, counted, and not run.
#include <cstring>

#include "card.h"

std::string name_of(const void* kernel) {
  Guard guard(card().lock);
  auto found = card().names.find(kernel);
  return found == card().names.end() ? "a kernel without a name" : found->second;
}

// The one kernel that is run is torch's fill, of small tensors: Inductor folds constants on the card and reads them.
// Its arguments, where the tensor is dense: how many elements, the functor with the value, the place.
static void fill(const std::string& name, void** arguments) {
  static const std::map<char, int> BYTES{{'f', 4}, {'d', 8}, {'l', 8}, {'i', 4},
                                         {'b', 1}, {'h', 1}, {'a', 1}, {'s', 2}};
  const char* functor = "FillFunctorI";  // in a mangled name; the letter of the type comes next
  auto at = name.find(functor);
  auto has = [&](const char* text) { return name.find(text) != std::string::npos; };
  if (at == std::string::npos || !(has("vectorized_elementwise") || has("unrolled_elementwise"))) return;
  auto type = BYTES.find(name[at + strlen(functor)]);
  if (type == BYTES.end()) return;
  long count = *static_cast<int*>(arguments[0]);
  char* place = *static_cast<char**>(arguments[2]);
  if (!on_card(place) || count * type->second > 4 << 20) return;
  for (long k = 0; k < count; ++k) memcpy(place + k * type->second, arguments[1], type->second);
}

extern "C" {
// ------------------------------------------------------------------ what the compiler of CUDA writes into torch
void** __cudaRegisterFatBinary(void*) {
  static void* handle[4];
  return handle;
}
void __cudaRegisterFatBinaryEnd(void**) {}
void __cudaUnregisterFatBinary(void**) {}
void __cudaRegisterVar(void**, char*, char*, const char*, int, size_t, int, int) {}
void __cudaRegisterFunction(void**, const char* host, char*, const char* name, int, uint3*, uint3*, dim3*, dim3*,
                            int*) {
  Guard guard(card().lock);
  card().names[host] = name;
}

struct Configuration {
  dim3 grid, block;
  size_t shared;
  cudaStream_t stream;
};
static thread_local std::vector<Configuration> configurations;
unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared, cudaStream_t stream) {
  configurations.push_back({grid, block, shared, stream});
  return 0;
}
cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, size_t* shared, void* stream) {
  auto last = configurations.back();
  configurations.pop_back();
  *grid = last.grid, *block = last.block, *shared = last.shared;
  *static_cast<cudaStream_t*>(stream) = last.stream;
  return cudaSuccess;
}

static cudaError_t launch(const void* kernel, void** arguments, cudaStream_t stream) {
  auto name = name_of(kernel);
  bool recorded;
  {
    Guard guard(card().lock);
    recorded = card().capture.active();
  }
  auto error = work("launch", name, stream);
  if (!error && !recorded) fill(name, arguments);
  return error;
}
cudaError_t cudaLaunchKernel(const void* kernel, dim3, dim3, void** arguments, size_t, cudaStream_t stream) {
  return launch(kernel, arguments, stream);
}
cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* how, const void* kernel, void**) {
  return work("launch", name_of(kernel), how->stream);
}
cudaError_t __cudaGetKernel(cudaKernel_t* found, const void* kernel) {
  *found = cudaKernel_t(kernel);
  return cudaSuccess;
}
cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3, dim3, void** arguments, size_t, cudaStream_t stream) {
  return launch(kernel, arguments, stream);
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* found, const void*) {
  memset(found, 0, sizeof *found);
  found->maxThreadsPerBlock = 1024;
  found->numRegs = 32;
  found->ptxVersion = found->binaryVersion = 90;
  found->maxDynamicSharedSizeBytes = 49152;
  return cudaSuccess;
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* count, const void*, int, size_t) {
  *count = 2;
  return cudaSuccess;
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* count, const void*, int, size_t, unsigned) {
  *count = 2;
  return cudaSuccess;
}
cudaError_t cudaGetSymbolAddress(void** place, const void*) {
  static char room[1 << 16];
  *place = room;
  return cudaSuccess;
}
}
