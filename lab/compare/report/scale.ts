/** From values to places: linear, logarithmic, or evenly from one given value to the next. */

export type ScaleKind = 'linear' | 'log' | 'steps'

export interface Scale {
  at(value: number): number
  readonly ticks: readonly number[]
}

export interface ScaleOptions {
  readonly kind: ScaleKind
  readonly values: readonly number[]
  readonly from: number
  readonly to: number
  readonly ticksMax: number
  /** Linear: whether the axis begins at zero and ends at a tick; else it ends where the values do. */
  readonly zero?: boolean
}

export function scaleOf({ kind, values, from, to, ticksMax, zero = true }: ScaleOptions): Scale {
  const finite = values.filter((value) => Number.isFinite(value) && (kind !== 'log' || value > 0))
  switch (kind) {
    case 'linear':
      return linear(finite, { from, to, ticksMax, zero })
    case 'log':
      return logarithmic(finite, { from, to, ticksMax })
    case 'steps':
      return steps(finite, { from, to })
  }
}

type Span = { readonly from: number; readonly to: number }

function linear(values: readonly number[], span: Span & { ticksMax: number; zero: boolean }): Scale {
  const low = span.zero ? Math.min(0, ...values) : Math.min(...values, Infinity)
  const high = Math.max(...values, Number.isFinite(low) ? low : 0)
  const step = niceStep((high - low || 1) / span.ticksMax)
  const top = Math.ceil(high / step - 1e-9) * step || step
  const bottom = Math.floor((Number.isFinite(low) ? low : 0) / step + 1e-9) * step
  if (!span.zero && high > low) {
    const first = Math.ceil(low / step - 1e-9)
    const within = Array.from({ length: 50 }, (_, i) => (first + i) * step).filter(
      (tick) => tick <= high + 1e-9,
    )
    return {
      at: (value) => span.from + ((value - low) / (high - low)) * (span.to - span.from),
      ticks: within,
    }
  }
  const ticks: number[] = []
  for (let i = 0; bottom + i * step <= top + step / 2; i++) ticks.push(bottom + i * step)
  return { at: (value) => span.from + ((value - bottom) / (top - bottom)) * (span.to - span.from), ticks }
}

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough))
  const factor = [1, 2, 2.5, 5, 10].find((one) => one * power >= rough * 0.999) ?? 10
  return factor * power
}

function logarithmic(values: readonly number[], span: Span & { ticksMax: number }): Scale {
  const low = Math.min(...values, Infinity)
  const high = Math.max(...values, 0)
  if (!Number.isFinite(low)) return { at: () => span.from, ticks: [] }
  const [bottom, top] = [Math.log10(low / 1.15), Math.log10(high * 1.15)]
  const within = (tick: number) => tick >= low / 1.15 && tick <= high * 1.15
  const decades = Array.from({ length: 40 }, (_, i) => 10 ** (i - 12))
  const fine = decades.flatMap((decade) => [decade, 2 * decade, 5 * decade]).filter(within)
  const coarse = decades.filter(within)
  const every = Math.ceil(coarse.length / span.ticksMax)
  const ticks = fine.length <= span.ticksMax ? fine : coarse.filter((_, i) => i % every === 0)
  return {
    at: (value) =>
      span.from +
      ((Math.log10(Math.max(value, low / 1.15)) - bottom) / (top - bottom)) * (span.to - span.from),
    ticks,
  }
}

function steps(values: readonly number[], { from, to }: Span): Scale {
  const ticks = [...new Set(values)].sort((a, b) => a - b)
  const width = ticks.length < 2 ? 0 : (to - from) / (ticks.length - 1)
  return {
    at: (value) => (ticks.length < 2 ? (from + to) / 2 : from + ticks.indexOf(value) * width),
    ticks,
  }
}
