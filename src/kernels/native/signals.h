// Holds signals back while code runs that a signal handler must not interrupt. Generated code of oneDNN 2.6 (its matrix product for
// AVX2, and sgemm everywhere) uses the stack pointer as a general register: a handler that runs meanwhile (Ctrl-C, a profiler's
// timer) would write its frame into the heap. Signals that arrive are delivered right afterwards.
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
