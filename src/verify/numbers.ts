/** Numbers as people read them in verdicts and reports. Shares never look more perfect than they are. */

/** `1234567` -> `1,234,567` */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US", { maximumFractionDigits: 0 });
}

/** `1 sample`, `2 samples`; the plural is given where it is not the singular with an s. */
export function countOf(count: number, singular: string, plural = `${singular}s`): string {
  return `${formatCount(count)} ${count === 1 ? singular : plural}`;
}

/** Most decimals of a percentage: far below one value among all that a run can compare. */
const MOST_DECIMALS = 12;

/**
 * A share (0 to 1) in percent with as few decimals as are honest: at least two significant ones, and more where 0% or 100% would
 * otherwise stand for what is not quite that.
 */
export function formatShare(share: number): string {
  const percent = 100 * share;
  if (Number.isInteger(percent)) return `${percent}%`;
  const distance = Math.min(Math.abs(percent), Math.abs(100 - percent));
  const needed = distance < 0.1 ? Math.ceil(-Math.log10(distance)) + 1 : 2;
  return `${percent.toFixed(Math.min(needed, MOST_DECIMALS)).replace(/\.?0+$/, "")}%`;
}
