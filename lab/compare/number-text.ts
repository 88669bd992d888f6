/** Numbers as people read them: three digits say all that a measurement knows. */
import type { Spread } from './summary.ts'

export function rateText(perSecond: number): string {
  if (perSecond >= 1e6) return `${digits(perSecond / 1e6)}M/s`
  if (perSecond >= 1e4) return `${digits(perSecond / 1e3)}k/s`
  return `${Math.round(perSecond).toLocaleString('en')}/s`
}

export function latencyText(us: number): string {
  if (us >= 1e6) return `${digits(us / 1e6)} s`
  if (us >= 1e4) return `${digits(us / 1e3)} ms`
  if (us >= 1e3) return `${(us / 1e3).toFixed(2)} ms`
  return `${Math.round(us)} µs`
}

export function microsText(us: number): string {
  return us >= 1e4 ? `${digits(us / 1e3)} ms` : us >= 100 ? `${Math.round(us)} µs` : `${us.toFixed(1)} µs`
}

/** `3.4×`. */
export function timesText(ratio: number): string {
  return `${ratio >= 100 ? Math.round(ratio) : ratio >= 10 ? ratio.toFixed(1) : ratio.toFixed(2)}×`
}

export function spreadText(spread: Spread, text: (value: number) => string): string {
  return spread.min === spread.max
    ? text(spread.median)
    : `${text(spread.median)} (${text(spread.min)} … ${text(spread.max)})`
}

export function bytesText(bytes: number): string {
  if (bytes >= 1e6) return `${digits(bytes / 1e6)} MB`
  if (bytes >= 1e3) return `${digits(bytes / 1e3)} kB`
  return `${Math.round(bytes)} B`
}

export function countText(count: number): string {
  if (count === 0) return '0'
  return count >= 100
    ? Math.round(count).toLocaleString('en')
    : count >= 10
      ? count.toFixed(1)
      : count.toFixed(2)
}

const digits = (value: number) =>
  value >= 100 ? String(Math.round(value)) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
