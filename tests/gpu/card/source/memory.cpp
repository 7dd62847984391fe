// Memory and copies: the host's memory stands for the card's, page by page as it is touched.
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "card.h"

static const size_t PAGE = 4096;
static const size_t WRITTEN = 4 << 20;  // larger fills are counted and not done: nobody reads them back

size_t card_bytes() {
  static const char* mib = getenv("FAKE_CUDA_MIB");
  return mib ? strtoull(mib, nullptr, 10) << 20 : 80ull << 30;
}

static size_t size_of(size_t bytes) { return bytes; }
static size_t size_of(const Block& block) { return block.bytes; }

template <typename Kept>
static bool within(const std::map<uintptr_t, Kept>& blocks, const void* place) {
  Guard guard(card().lock);
  auto after = blocks.upper_bound(uintptr_t(place));
  if (after == blocks.begin()) return false;
  auto block = std::prev(after);
  return uintptr_t(place) < block->first + std::max<size_t>(size_of(block->second), 1);
}
bool on_card(const void* place) { return within(card().memory, place); }
bool is_pinned(const void* place) { return within(card().pinned, place); }

extern "C" {
cudaError_t cudaMalloc(void** place, size_t bytes) {
  if (auto error = unsafe("malloc")) return error;
  Guard guard(card().lock);
  auto& used = card().used[current_device];
  if (allocation_refused(bytes) || used + bytes > card_bytes()) return last_error = cudaErrorMemoryAllocation;
  const int untouched = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;  // pages are taken as they are written to
  *place = mmap(nullptr, std::max(bytes, PAGE), PROT_READ | PROT_WRITE, untouched, -1, 0);
  card().memory[uintptr_t(*place)] = {bytes, current_device};
  used += bytes;
  card().peak[current_device] = std::max(card().peak[current_device], used);
  return cudaSuccess;
}

cudaError_t cudaFree(void* place) {
  if (!place) return cudaSuccess;
  if (auto error = unsafe("free")) return error;
  Guard guard(card().lock);
  auto found = card().memory.find(uintptr_t(place));
  if (found == card().memory.end()) return cudaSuccess;
  auto [bytes, device] = found->second;
  munmap(place, std::max(bytes, PAGE));
  card().used[device] -= bytes;
  card().memory.erase(found);
  return cudaSuccess;
}

cudaError_t cudaMallocAsync(void** place, size_t bytes, cudaStream_t) { return cudaMalloc(place, bytes); }
cudaError_t cudaFreeAsync(void* place, cudaStream_t) { return cudaFree(place); }
cudaError_t cudaMallocManaged(void** place, size_t bytes, unsigned) { return cudaMalloc(place, bytes); }

cudaError_t cudaHostAlloc(void** place, size_t bytes, unsigned) {
  if (auto error = unsafe("host alloc")) return error;
  *place = aligned_alloc(PAGE, (bytes + PAGE - 1) / PAGE * PAGE);
  Guard guard(card().lock);
  card().pinned[uintptr_t(*place)] = bytes;
  return cudaSuccess;
}
cudaError_t cudaMallocHost(void** place, size_t bytes) { return cudaHostAlloc(place, bytes, 0); }
cudaError_t cudaFreeHost(void* place) {
  Guard guard(card().lock);
  card().pinned.erase(uintptr_t(place));
  free(place);
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t* available, size_t* total) {
  if (broken()) return cudaErrorIllegalAddress;
  Guard guard(card().lock);
  *total = card_bytes();
  *available = *total - card().used[current_device];
  return cudaSuccess;
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* found, const void* place) {
  memset(found, 0, sizeof *found);
  found->type = on_card(place)     ? cudaMemoryTypeDevice
                : is_pinned(place) ? cudaMemoryTypeHost
                                   : cudaMemoryTypeUnregistered;
  found->devicePointer = found->hostPointer = const_cast<void*>(place);
  if (on_card(place)) {
    Guard guard(card().lock);
    found->device = std::prev(card().memory.upper_bound(uintptr_t(place)))->second.device;
  }
  return cudaSuccess;
}

// From or to memory of the host that is not pinned the copy waits, which a capture forbids on any terms. From pinned
// memory it is recorded: each replay reads that place again, whatever lies there by then.
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
  bool down = on_card(from), up = on_card(to);
  bool pinned = is_pinned(down ? to : from);
  std::string kind = std::string("copy ") + (up ? (down ? "on the card" : "to the card") : "to the host");
  if (down != up && pinned) kind += ", pinned";
  Guard guard(card().lock);
  if (card().capture.has(stream) && down != up) {
    if (!pinned) return refuse(cudaErrorStreamCaptureUnsupported, kind);
    if (up) card().host_sources.push_back(std::to_string(uintptr_t(from)) + " " + std::to_string(bytes));
  }
  bool recorded = card().capture.has(stream);
  if (auto error = work(kind.c_str(), kind, stream)) return error;
  static const bool answers = getenv("FAKE_CUDA_ANSWERS");
  if (down && !up && answers && bytes <= 64) {
    auto& last = card().last;
    bool feared = last.find("or_kernel") != std::string::npos || last.find("copy_kernel") != std::string::npos;
    memset(to, bytes == 1 && !feared, bytes);
  } else if (!recorded || (down && up)) {
    memmove(to, from, bytes);
  }
  return cudaSuccess;
}
cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  if (auto error = unsafe("copy that waits")) return error;
  return cudaMemcpyAsync(to, from, bytes, kind, nullptr);
}

cudaError_t cudaMemsetAsync(void* place, int value, size_t bytes, cudaStream_t stream) {
  if (auto error = work("memset", "memset", stream)) return error;
  if (bytes < WRITTEN) memset(place, value, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemset(void* place, int value, size_t bytes) { return cudaMemsetAsync(place, value, bytes, nullptr); }
}
