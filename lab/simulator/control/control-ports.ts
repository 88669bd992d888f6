import { coordinatorOver } from '../../../client/coordinator/session-client.ts'
import type { ControlPorts } from '../../../runtime/control-ports.ts'
import type { Log } from '../../../runtime/log.ts'
import type { SimProcess } from '../kernel/process.ts'
import { LifeWorld, type SimPlace, sessionPlatform } from './session-platform.ts'

/** The control plane's ports in the present life of a simulated process. */
export function simControlPorts(place: SimPlace, world = new LifeWorld(place)): ControlPorts {
  const platform = sessionPlatform(place, world)
  return {
    openSession: (options) => coordinatorOver(options, platform),
    timers: world.timers,
    logger: traceLog(place.process),
    onBug: world.onBug,
  }
}

/** A process's log lines, as notes in the trace. */
export function traceLog(process: SimProcess): Log {
  const line = (fields: object | string, text?: string) => {
    if (typeof fields === 'string') process.note(fields)
    else process.note(text ?? '', () => JSON.stringify(fields, readable))
  }
  return { debug: line, info: line, warn: line, error: line }
}

/** What JSON has no words for. */
function readable(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString(16)
  return value instanceof Error ? value.message : value
}
