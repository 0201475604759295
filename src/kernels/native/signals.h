// Holds signals back during a call from JavaScript, on this thread and on the worker threads that it starts. Code that oneDNN 2.6
// generates (sgemm, and the matrix product where there is no AVX-512) uses the stack pointer as a general register: a handler that runs
// meanwhile (Ctrl-C, a profiler's timer) would write its frame into the heap, as a trial with a timer of 0.1 ms showed. A signal that
// arrives is delivered when the call is over.
#pragma once

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <signal.h>
#define SPIKESHIP_SIGNALS 1
#endif

namespace spikeship {

class SignalsHeld {
 public:
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;
#if defined(SPIKESHIP_SIGNALS)
  SignalsHeld() {
    sigset_t held;
    sigfillset(&held);
    // Faults of the code itself cannot wait.
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT}) sigdelset(&held, fault);
    pthread_sigmask(SIG_BLOCK, &held, &before_);
  }
  ~SignalsHeld() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
#else
  SignalsHeld() = default;
#endif
};

}  // namespace spikeship
