// The driver, which Triton speaks to: the same card as the runtime's. Modules hold real cubins, which nothing reads.
#define cuTensorMapEncodeTiled declared_tiled  // their arguments are of no interest here
#define cuTensorMapEncodeIm2col declared_im2col
#include <cuda.h>
#undef cuTensorMapEncodeTiled
#undef cuTensorMapEncodeIm2col
#include <dlfcn.h>

#include <cstdlib>

#include "card.h"

static CUresult as_driver(cudaError_t error) { return CUresult(error); }  // the numbers are the same

extern "C" {
CUresult cuInit(unsigned) { return CUDA_SUCCESS; }
CUresult cuDriverGetVersion(int* version) { return as_driver(cudaDriverGetVersion(version)); }
CUresult cuDeviceGetCount(int* count) {
  *count = card_count();
  return CUDA_SUCCESS;
}
CUresult cuDeviceGet(CUdevice* device, int ordinal) {
  *device = ordinal;
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute which, CUdevice) {
  *value = attribute(which);
  return CUDA_SUCCESS;
}

// ------------------------------------------------------------------ the one context
static const CUcontext CONTEXT = CUcontext(0x77);
CUresult cuDevicePrimaryCtxGetState(CUdevice, unsigned* flags, int* active) {
  *flags = 0;
  *active = 1;
  return CUDA_SUCCESS;
}
CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice) {
  *context = CONTEXT;
  return CUDA_SUCCESS;
}
CUresult cuCtxGetCurrent(CUcontext* context) {
  *context = CONTEXT;
  return CUDA_SUCCESS;
}
CUresult cuCtxSetCurrent(CUcontext) { return CUDA_SUCCESS; }
CUresult cuCtxGetDevice(CUdevice* device) {
  *device = current_device;
  return CUDA_SUCCESS;
}
CUresult cuCtxSetLimit(CUlimit, size_t) { return CUDA_SUCCESS; }
CUresult cuCtxGetLimit(size_t* value, CUlimit) {
  *value = 1 << 20;
  return CUDA_SUCCESS;
}
CUresult cuGetErrorString(CUresult error, const char** text) {
  *text = cudaGetErrorString(cudaError_t(error));
  return CUDA_SUCCESS;
}

// ------------------------------------------------------------------ modules and kernels
static CUresult loaded(CUmodule* module) {
  *module = CUmodule(malloc(8));
  return as_driver(unsafe("load a module"));
}
CUresult cuModuleLoad(CUmodule* module, const char*) { return loaded(module); }
CUresult cuModuleLoadData(CUmodule* module, const void*) { return loaded(module); }
CUresult cuModuleLoadDataEx(CUmodule* module, const void*, unsigned, CUjit_option*, void**) { return loaded(module); }
CUresult cuModuleUnload(CUmodule) { return CUDA_SUCCESS; }
CUresult cuModuleGetFunction(CUfunction* kernel, CUmodule, const char* name) {
  *kernel = CUfunction(malloc(8));
  Guard guard(card().lock);
  card().names[*kernel] = std::string("triton: ") + name;
  return CUDA_SUCCESS;
}
CUresult cuFuncGetAttribute(int* value, CUfunction_attribute which, CUfunction) {
  *value = which == CU_FUNC_ATTRIBUTE_NUM_REGS ? 32 : which == CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK ? 1024 : 0;
  return CUDA_SUCCESS;
}
CUresult cuFuncSetAttribute(CUfunction, CUfunction_attribute, int) { return CUDA_SUCCESS; }
CUresult cuFuncSetCacheConfig(CUfunction, CUfunc_cache) { return CUDA_SUCCESS; }
CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int* count, CUfunction, int, size_t) {
  *count = 2;
  return CUDA_SUCCESS;
}
CUresult cuOccupancyMaxActiveClusters(int* count, CUfunction, const CUlaunchConfig*) {
  *count = 2;
  return CUDA_SUCCESS;
}
CUresult cuTensorMapEncodeTiled() { return CUDA_SUCCESS; }
CUresult cuTensorMapEncodeIm2col() { return CUDA_SUCCESS; }

CUresult cuLaunchKernel(CUfunction kernel, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
                        CUstream stream, void**, void**) {
  return as_driver(work("launch", name_of(kernel), stream));
}
CUresult cuLaunchCooperativeKernel(CUfunction kernel, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
                                   unsigned, CUstream stream, void**) {
  return as_driver(work("launch", name_of(kernel), stream));
}
CUresult cuLaunchKernelEx(const CUlaunchConfig* how, CUfunction kernel, void**, void**) {
  return as_driver(work("launch", name_of(kernel), how->hStream));
}

CUresult cuStreamIsCapturing(CUstream stream, CUstreamCaptureStatus* status) {
  return as_driver(cudaStreamIsCapturing(stream, reinterpret_cast<cudaStreamCaptureStatus*>(status)));
}
CUresult cuPointerGetAttribute(void* value, CUpointer_attribute which, CUdeviceptr place) {
  if (which == CU_POINTER_ATTRIBUTE_DEVICE_POINTER) {
    *static_cast<CUdeviceptr*>(value) = place;
  } else {
    *static_cast<int*>(value) = CU_MEMORYTYPE_DEVICE;
  }
  return CUDA_SUCCESS;
}
CUresult cuPointerGetAttributes(unsigned count, CUpointer_attribute* which, void** values, CUdeviceptr place) {
  for (unsigned k = 0; k < count; ++k) cuPointerGetAttribute(values[k], which[k], place);
  return CUDA_SUCCESS;
}

// The runtime hands out the driver's functions by name; those that are not here do nothing.
static int nothing() { return 0; }
cudaError_t cudaGetDriverEntryPointByVersion(const char* name, void** found, unsigned, unsigned long long,
                                             cudaDriverEntryPointQueryResult* result) {
  *found = dlsym(RTLD_DEFAULT, name);
  if (!*found) *found = reinterpret_cast<void*>(nothing);
  if (result) *result = cudaDriverEntryPointSuccess;
  return cudaSuccess;
}
}
