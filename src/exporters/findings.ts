/** What a chip's rules, an export or a run have to say: findings, and the steps that lose something. */

/** A design rule that was broken, or a note about something lossy. */
export interface Finding {
  /** Stable name of the rule, for example `LX001` or `loihi/threshold-grid`. */
  rule: string;
  severity: "error" | "warning" | "note";
  /** Layer path or place in a file. */
  place: string;
  /** What was found. */
  message: string;
  /** The rule as a sentence, with its limit, where the message does not hold it. */
  limit?: string;
  /** Where the limit is documented. */
  source: string;
  /** The legal rewrite, if there is one. */
  rewrite?: string;
}

/** A step of the export that changed numbers or structure, with counts: nothing lossy is silent. */
export interface LossyStep {
  place: string;
  what: string;
  /** Numbers affected, and the largest change. */
  count: number;
  largestChange: number;
}
