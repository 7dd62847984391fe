// Streams, events and graphs: what is recorded, and what may not be.
#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "card.h"

extern "C" {
static cudaError_t fresh(cudaStream_t* stream) {
  static std::atomic<uintptr_t> next{0x1000};  // a name, nothing lies there
  *stream = cudaStream_t(next += 16);
  return cudaSuccess;
}
cudaError_t cudaStreamCreate(cudaStream_t* stream) { return fresh(stream); }
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) { return fresh(stream); }
cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned, int) { return fresh(stream); }

// Of a stream that is being captured there is nothing to wait for, in whatever mode the thread is.
static cudaError_t waits(const char* call, cudaStream_t stream) {
  Guard guard(card().lock);
  if (card().capture.has(stream)) return refuse(cudaErrorStreamCaptureUnsupported, call);
  return unsafe(call);
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) { return waits("wait for a stream", stream); }
cudaError_t cudaStreamQuery(cudaStream_t stream) { return waits("query a stream", stream); }
cudaError_t cudaDeviceSynchronize() { return unsafe("wait for the card"); }

// ------------------------------------------------------------------ events
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = cudaEvent_t(malloc(16));
  Guard guard(card().lock);
  card().events[*event] = {};
  return cudaSuccess;
}
#undef cudaEventCreate
cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, 0); }
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  Guard guard(card().lock);
  card().events.erase(event);
  free(event);
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  if (broken()) return cudaErrorIllegalAddress;
  Guard guard(card().lock);
  bool captured = card().capture.has(stream);
  card().events[event] = {captured, captured ? card().capture.streams[stream] : Clock{}};
  return cudaSuccess;
}
cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t stream, unsigned) {
  return cudaEventRecord(event, stream);
}

// A stream that waits for a captured event is captured from then on.
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  if (broken()) return cudaErrorIllegalAddress;
  Guard guard(card().lock);
  auto& capture = card().capture;
  if (!capture.active()) return cudaSuccess;
  auto& waited = card().events[event];
  if (!waited.captured) {
    if (!capture.has(stream)) return cudaSuccess;
    return refuse(cudaErrorStreamCaptureIsolation, "a captured stream waits for an event from outside");
  }
  if (!stream) return refuse(cudaErrorStreamCaptureImplicit, "the legacy stream waits for a captured event");
  auto& own = capture.streams[stream];
  for (auto& [other, done] : waited.before) own[other] = std::max(own[other], done);
  return cudaSuccess;
}

static cudaError_t host_waits(const char* call, cudaEvent_t event) {
  Guard guard(card().lock);
  if (card().capture.active() && card().events[event].captured) return refuse(cudaErrorCapturedEvent, call);
  return unsafe(call);
}
cudaError_t cudaEventQuery(cudaEvent_t event) { return host_waits("query an event", event); }
cudaError_t cudaEventSynchronize(cudaEvent_t event) { return host_waits("wait for an event", event); }
cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t, cudaEvent_t) {
  *ms = 0.01f;  // of nothing; some divide by it
  return broken() ? cudaErrorIllegalAddress : cudaSuccess;
}

// ------------------------------------------------------------------ capture
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  if (broken()) return cudaErrorIllegalAddress;
  Guard guard(card().lock);
  auto& capture = card().capture;
  if (!stream || stream == cudaStreamLegacy) {
    return refuse(cudaErrorStreamCaptureUnsupported, "capture of the legacy stream");
  }
  if (capture.active()) return refuse(cudaErrorIllegalState, "a capture within another");
  capture = {new Graph, false, stream, mode, std::this_thread::get_id(), {{stream, {}}}, capture.id + 1};
  ++card().calls["capture"];
  return cudaSuccess;
}

// What was recorded on other streams must have been waited for by the one that the capture began with.
static bool unjoined(Capture& capture) {
  auto& seen = capture.streams[capture.origin];
  return std::any_of(capture.streams.begin(), capture.streams.end(), [&](auto& entry) {
    auto& [stream, clock] = entry;
    return clock.count(stream) && clock.at(stream) > (seen.count(stream) ? seen.at(stream) : 0);
  });
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  Guard guard(card().lock);
  auto& capture = card().capture;
  *graph = nullptr;
  if (!capture.has(stream)) return last_error = cudaErrorIllegalState;
  bool loose = unjoined(capture), invalid = capture.invalid;
  capture.streams.clear();
  if (broken()) return cudaErrorIllegalAddress;
  if (invalid) return last_error = cudaErrorStreamCaptureInvalidated;
  if (loose) return refuse(cudaErrorStreamCaptureUnjoined, "a captured stream is not joined");
  card().graphs.push_back(*capture.graph);
  *graph = cudaGraph_t(capture.graph);
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  Guard guard(card().lock);
  auto& capture = card().capture;
  *status = !capture.has(stream) ? cudaStreamCaptureStatusNone
            : capture.invalid    ? cudaStreamCaptureStatusInvalidated
                                 : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}
cudaError_t cudaStreamGetCaptureInfo(cudaStream_t stream, cudaStreamCaptureStatus* status, unsigned long long* id,
                                     cudaGraph_t* graph, const cudaGraphNode_t** before,
                                     const cudaGraphEdgeData** edges, size_t* count) {
  cudaStreamIsCapturing(stream, status);
  if (id) *id = card().capture.id;
  if (graph) *graph = cudaGraph_t(card().capture.graph);
  if (before) *before = nullptr;
  if (edges) *edges = nullptr;
  if (count) *count = 0;
  return cudaSuccess;
}

// ------------------------------------------------------------------ graphs
cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* made, cudaGraph_t graph, unsigned long long) {
  *made = cudaGraphExec_t(graph);
  return broken() ? cudaErrorIllegalAddress : cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* made, cudaGraph_t graph, unsigned long long flags) {
  return cudaGraphInstantiateWithFlags(made, graph, flags);
}
cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t*, size_t* count) {
  *count = graph ? reinterpret_cast<Graph*>(graph)->nodes : 0;
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t, cudaStream_t stream) { return work("graph launch", "graph", stream); }
}
