// The state of the card, what a capture allows, errors, and the report.
#include "card.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

static long number(const char* name, long otherwise) {
  const char* text = getenv(name);
  return text ? atol(text) : otherwise;
}

static Card* made() {
  auto* card = new Card;  // never deleted: torch frees memory after the last destructor
  card->launches_left = number("FAKE_CUDA_BREAK_AT", -1);
  card->allocations_left = number("FAKE_CUDA_OOM_AT", -1);
  return card;
}

Card& card() {
  static Card* card = made();
  return *card;
}

thread_local cudaError_t last_error = cudaSuccess;
static thread_local cudaStreamCaptureMode thread_mode = cudaStreamCaptureModeGlobal;

// ------------------------------------------------------------------ faults
// Whether the fault is this process's to have: where a file is named, only one process can make it.
static bool mine() {
  const char* file = getenv("FAKE_CUDA_ONCE");
  if (!file) return true;
  int made = open(file, O_CREAT | O_EXCL | O_WRONLY, 0644);
  if (made < 0) return false;
  close(made);
  return true;
}

// One less of those that go well; whether this one does not.
static bool counted_down(long& left) {
  return left > 0 && --left == 0 && mine();
}

static bool context_broken = false;

bool broken() {
  if (context_broken) last_error = cudaErrorIllegalAddress;
  return context_broken;
}

// torch tries again once, after it has let go of the memory that it keeps for later.
bool allocation_refused(size_t bytes) {
  static size_t refused = 0;
  bool again = bytes == refused;
  refused = counted_down(card().allocations_left) ? bytes : 0;
  return refused || again;
}

static bool breaks_now() {
  if (counted_down(card().launches_left)) context_broken = true;
  return broken();
}

// ------------------------------------------------------------------ capture
static void show_stack(const char* call, const std::string& name) {
  static const char* wanted = getenv("FAKE_CUDA_STACK");
  if (wanted && (strstr(call, wanted) || name.find(wanted) != std::string::npos)) raise(SIGUSR1);
}

cudaError_t refuse(cudaError_t error, const std::string& what) {
  Guard guard(card().lock);
  card().violations.push_back(what + ": error " + std::to_string(int(error)));
  if (card().capture.active()) card().capture.invalid = true;
  if (getenv("FAKE_CUDA_VERBOSE")) fprintf(stderr, "fake card: %s: error %d\n", what.c_str(), int(error));
  return last_error = error;
}

// The rules of cudaThreadExchangeStreamCaptureMode, as CUDA's manual has them.
static bool forbidden() {
  auto& capture = card().capture;
  if (!capture.active() || thread_mode == cudaStreamCaptureModeRelaxed) return false;
  if (capture.thread == std::this_thread::get_id()) return capture.mode != cudaStreamCaptureModeRelaxed;
  return thread_mode == cudaStreamCaptureModeGlobal && capture.mode == cudaStreamCaptureModeGlobal;
}

cudaError_t unsafe(const char* call) {
  if (broken()) return cudaErrorIllegalAddress;
  show_stack(call, "");
  Guard guard(card().lock);
  ++card().calls[call];
  return forbidden() ? refuse(cudaErrorStreamCaptureUnsupported, call) : cudaSuccess;
}

cudaError_t work(const char* kind, const std::string& name, cudaStream_t stream) {
  Guard guard(card().lock);
  if (breaks_now()) return cudaErrorIllegalAddress;
  show_stack(kind, name);
  ++card().calls[kind];
  auto& capture = card().capture;
  if (!capture.active()) {
    ++card().launches[name];
    if (strcmp(kind, "launch") == 0) card().last = name;
  } else if (capture.has(stream)) {
    if (capture.invalid) return last_error = cudaErrorStreamCaptureInvalidated;
    ++capture.graph->nodes;
    ++capture.graph->kernels[name];
    ++capture.streams[stream][stream];
  } else if (!stream || stream == cudaStreamLegacy) {  // it waits for all streams, those that are captured too
    return refuse(cudaErrorStreamCaptureImplicit, "the legacy stream while another is captured: " + name);
  } else {
    card().violations.push_back("not recorded, since on another stream: " + name);
  }
  return cudaSuccess;
}

extern "C" {
cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
  std::swap(*mode, thread_mode);
  return cudaSuccess;
}

cudaError_t cudaGetLastError() {
  if (broken()) return cudaErrorIllegalAddress;
  auto error = last_error;
  last_error = cudaSuccess;
  return error;
}
cudaError_t cudaPeekAtLastError() { return broken() ? cudaErrorIllegalAddress : last_error; }

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess: return "no error";
    case cudaErrorMemoryAllocation: return "out of memory";
    case cudaErrorIllegalAddress: return "an illegal memory access was encountered";
    case cudaErrorStreamCaptureUnsupported: return "operation not permitted when stream is capturing";
    case cudaErrorStreamCaptureInvalidated: return "operation failed due to a previous error during capture";
    case cudaErrorStreamCaptureImplicit: return "operation would make the legacy stream depend on a capturing stream";
    case cudaErrorStreamCaptureUnjoined: return "capturing stream has unjoined work";
    case cudaErrorStreamCaptureIsolation: return "dependency created on uncaptured work in another stream";
    case cudaErrorCapturedEvent: return "operation not permitted on an event last recorded in a capturing stream";
    default: return "an error of the fake card";
  }
}
const char* cudaGetErrorName(cudaError_t error) { return cudaGetErrorString(error); }
}

// ------------------------------------------------------------------ report
static std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

static std::string json(const Count& count) {
  std::string out;
  for (auto& [name, n] : count) out += (out.empty() ? "" : ", ") + quoted(name) + ": " + std::to_string(n);
  return "{" + out + "}";
}

static std::string json(const std::vector<std::string>& lines) {
  std::string out;
  for (auto& line : lines) out += (out.empty() ? "" : ", ") + quoted(line);
  return "[" + out + "]";
}

static std::string json(const std::vector<Graph>& graphs) {
  std::string out;
  for (auto& graph : graphs) out += (out.empty() ? "" : ", ") + json(graph.kernels);
  return "[" + out + "]";
}

static long sum(const std::map<int, size_t>& bytes) {
  size_t total = 0;
  for (auto& [device, n] : bytes) total += n;
  return total;
}

std::string report() {
  Guard guard(card().lock);
  auto& c = card();
  auto text = "{\"used\": " + std::to_string(sum(c.used)) + ", \"peak\": " + std::to_string(sum(c.peak));
  for (auto& [name, count] : {std::pair{"calls", &c.calls}, {"launches", &c.launches}, {"layouts", &c.layouts},
                              {"others", &c.others}}) {
    text += std::string(", \"") + name + "\": " + json(*count);
  }
  return text + ", \"graphs\": " + json(c.graphs) + ", \"host_sources\": " + json(c.host_sources) +
         ", \"violations\": " + json(c.violations) + "}";
}

static const pid_t process = getpid();  // a fork that ends by _exit before it becomes a program has no report

static void leave_report() {
  const char* folder = getenv("FAKE_CUDA_REPORTS");
  if (!folder || getpid() != process || card().calls.empty()) return;
  std::string path = std::string(folder) + "/" + std::to_string(process) + ".json";
  if (FILE* file = fopen(path.c_str(), "w")) {
    fputs(report().c_str(), file);
    fclose(file);
  }
}
__attribute__((destructor)) static void at_exit() { leave_report(); }

extern "C" {
void _exit(int code) {  // which is how workers end
  leave_report();
  for (;;) syscall(SYS_exit_group, code);
}

// What every other function that torch wants of CUDA's libraries does, see `build.py`.
long fake_card_other(const char* name) {
  Guard guard(card().lock);
  ++card().others[name];
  return 0;
}

// What a test calls in the process that it runs in.
const char* fake_card_report() {
  static thread_local std::string text;
  return (text = report()).c_str();
}
void fake_card_reset() {
  Guard guard(card().lock);
  auto& c = card();
  c.calls.clear(), c.launches.clear(), c.layouts.clear(), c.others.clear();
  c.graphs.clear(), c.violations.clear(), c.host_sources.clear();
  c.peak = c.used;
}
void fake_card_break_at(long launch) { card().launches_left = launch; }
void fake_card_refuse_at(long allocation) { card().allocations_left = allocation; }
}
