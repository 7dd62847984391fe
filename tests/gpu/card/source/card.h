// A fake CUDA card, to be preloaded under torch: it takes everything that torch, Inductor and Triton ask of a card, and
// computes nothing.
//
// Real: memory (the host's, with its size, its accounting and its end), the rules of stream capture (what may not
// happen while a graph is recorded, what is recorded from which stream, what must be joined), errors and whether they
// last, the number and the names of the kernels that are launched, the layout of the tensors that cuDNN is given.
// Not real: every number. A kernel writes nothing, but for fills and copies; what is read back of the others is what
// lay in that memory. So is every time.
//
// Told by the environment, read once as the process starts:
//   FAKE_CUDA_MIB=n          memory of each card, default 81920
//   FAKE_CUDA_DEVICES=n      number of cards, default 1; CUDA_VISIBLE_DEVICES hides some
//   FAKE_CUDA_BREAK_AT=n     at its nth launch the process reads where it may not: every later call fails
//   FAKE_CUDA_OOM_AT=n       the nth allocation of the process is refused, and torch's second try, and no other
//   FAKE_CUDA_ONCE=file      the two above only in the process that can create this file: one of all that share it
//   FAKE_CUDA_ANSWERS=1      what the host reads of at most 64 bytes is 0, so that losses are finite; of one byte it is
//                            true, but after `any`, and of a number read as one, false: what is hoped for holds
//   FAKE_CUDA_REPORTS=dir    each process that used the card leaves its report there as it ends, PID.json
//   FAKE_CUDA_STACK=text     SIGUSR1 at each call or kernel whose name has that text; faulthandler prints the stack
//   FAKE_CUDA_VERBOSE=1      what is refused is printed too
#pragma once
#include <cuda_runtime_api.h>

#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

using Count = std::map<std::string, long>;
using Clock = std::map<cudaStream_t, long>;  // how much of each stream's work has happened before

struct Graph {
  long nodes = 0;
  Count kernels;
};

struct Event {
  bool captured = false;
  Clock before;
};

struct Capture {  // one at a time, as torch takes them
  Graph* graph = nullptr;
  bool invalid = false;
  cudaStream_t origin = nullptr;
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  std::thread::id thread;
  std::map<cudaStream_t, Clock> streams;  // empty where nothing is being captured
  unsigned long long id = 0;
  bool active() const { return !streams.empty(); }
  bool has(cudaStream_t stream) const { return streams.count(stream) != 0; }
};

struct Block {
  size_t bytes;
  int device;
};

struct Card {
  std::recursive_mutex lock;
  std::map<uintptr_t, Block> memory;                  // of the cards
  std::map<uintptr_t, size_t> pinned;                 // of the host, so that copies need not wait
  std::unordered_map<const void*, std::string> names;  // of kernels
  std::map<cudaEvent_t, Event> events;
  Capture capture;
  std::map<int, size_t> used, peak;     // bytes, by card
  long launches_left = -1;              // before the context breaks; -1: never
  long allocations_left = -1;           // before one is refused
  Count calls, launches, layouts;       // calls that matter; kernels by name; layouts of cuDNN's tensors
  Count others;                         // calls of functions that are not written here: they do nothing at all
  std::string last;                     // the kernel launched last
  std::vector<Graph> graphs;            // those recorded
  std::vector<std::string> violations;  // what was refused because of a capture, or slipped past it
  std::vector<std::string> host_sources;  // host memory that a graph reads at each replay: address and bytes
};

Card& card();
using Guard = std::lock_guard<std::recursive_mutex>;

extern thread_local cudaError_t last_error;
extern thread_local int current_device;
size_t card_bytes();
int card_count();
int attribute(int which);  // of the card, as the runtime and the driver both ask for it

// Whether the context is broken: from then on every call fails with the same error.
bool broken();
// A call that waits, allocates or loads: refused where a capture forbids it. Returns the error, or success.
cudaError_t unsafe(const char* call);
// A refusal because of a capture, which it spoils.
cudaError_t refuse(cudaError_t error, const std::string& what);
// Work given to a stream: launched, or recorded where the stream is being captured. kind: what sort of work it is.
cudaError_t work(const char* kind, const std::string& name, cudaStream_t stream);
// Whether this allocation is the one that is to be refused.
bool allocation_refused(size_t bytes);
bool on_card(const void* place);
bool is_pinned(const void* place);
std::string name_of(const void* kernel);
std::string report();
