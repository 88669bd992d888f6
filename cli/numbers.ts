import type { Arguments } from 'yargs'
import { SLOT_COUNT } from '../protocol/slots.ts'
import { UsageError } from './arguments.ts'

/** Of options that are numbers: from, to. What one command writes down for a whole cluster must not be nonsense. */
const BOUNDS: Readonly<Record<string, readonly [min: number, max: number]>> = {
  port: [0, 65_535],
  'http-port': [0, 65_535],
  chains: [1, SLOT_COUNT],
  replicas: [1, 100],
  'session-timeout': [100, 3_600_000],
  'coordinator-tick': [0, 60_000],
  'fan-out-bytes': [0, 1_000_000_000],
  cities: [1, Number.POSITIVE_INFINITY],
}

/** To yargs, `--port abc` is the number NaN. A check of yargs: it throws or is true. */
export function refuseNumbers(argv: Arguments): true {
  for (const [name, [min, max]] of Object.entries(BOUNDS)) {
    const value = argv[name]
    if (typeof value !== 'number') continue
    const isWhole = Number.isInteger(value) || value === max
    if (isWhole && value >= min && value <= max) continue
    const range = max === Number.POSITIVE_INFINITY ? `from ${min} on` : `from ${min} to ${max}`
    const given = Number.isNaN(value) ? 'what was given is no number' : `not ${value}`
    throw new UsageError(`--${name}: use a whole number ${range}; ${given}`)
  }
  return true
}
