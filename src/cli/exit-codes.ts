/** What the exit status of the command line means; other programs rely on it. */
export const EXIT = { done: 0, brokenContract: 1, wrongUse: 2 } as const;
