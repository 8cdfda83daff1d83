/** When a load counts as held, by the batches that were completed under it. Pure. */

/**
 * A rate is sustained when 97 % of it were taken, every batch ended within two intervals of its
 * time, and the delay did not grow from the first half to the second by more than a tenth of an
 * interval.
 */
export function isSustained({ batches, intervalMs, offered, taken }) {
  if (batches.length < 2 || taken < 0.97 * offered) return false
  if (batches.some(({ end }) => end > 2 * intervalMs)) return false
  const half = batches.length >> 1
  const growth = mean(batches.slice(half), 'end') - mean(batches.slice(0, half), 'end')
  return growth < intervalMs / 2
}

/**
 * An interval is held when at most 1 % of the batches start more than one interval late and the
 * last ones are no later than the first ones.
 */
export function isHeld({ batches, intervalMs, expected }) {
  const late = lateShare(batches, intervalMs)
  const tenth = Math.max(1, Math.floor(batches.length / 10))
  const backlog = mean(batches.slice(-tenth), 'start') - mean(batches.slice(0, tenth), 'start')
  return late <= 0.01 && batches.length >= 0.98 * expected && backlog < intervalMs
}

export const lateShare = (batches, intervalMs) =>
  batches.filter(({ start }) => start > intervalMs).length / Math.max(1, batches.length)

const mean = (batches, field) =>
  batches.reduce((sum, batch) => sum + batch[field], 0) / Math.max(1, batches.length)

/** The value below which this share of the values lies. */
export function quantile(values, share) {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
}

export const median = (values) => quantile(values, 0.5)
