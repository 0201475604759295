/** What the exit status of the command line means; other programs rely on it. */
export const EXIT = {
  done: 0,
  brokenContract: 1,
  wrongUse: 2,
  /** As shells write it: 128 and the number of SIGINT. */
  interrupted: 130,
} as const;
