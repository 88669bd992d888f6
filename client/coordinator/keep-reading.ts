import type { CoordinatorState, Stop, WatchCallback } from './api.ts'
import { isCoordinatorError } from './errors.ts'

/**
 * Reads again and again: now, after every change, and after whatever may have hidden one. One read at a time, so that what is
 * delivered never goes back.
 */
export function keepReading<Value>(options: {
  /** Reads, and leaves a one-shot watch behind. */
  readonly read: (watch: WatchCallback) => Promise<Value>
  readonly deliver: (value: Value) => void
  /** What a read or `deliver` throws, other than the client's own errors. */
  readonly onBug: (error: unknown) => void
  readonly onState: (listener: (state: CoordinatorState) => void) => Stop
}): Stop {
  let stopped = false
  let reading = false
  let again = false
  /** The last read failed, or its watch went with the session. */
  let owed = false

  const start = (): void => {
    if (stopped) return
    if (reading) again = true
    else run().catch(options.onBug)
  }
  const run = async (): Promise<void> => {
    reading = true
    again = false
    owed = false
    let read: { readonly value: Value } | null = null
    try {
      read = { value: await options.read(start) }
    } catch (error) {
      if (!isCoordinatorError(error)) throw error
      if (error.code === 'CLOSED') stop()
      owed = true
    }
    reading = false
    if (read && !stopped) options.deliver(read.value)
    if (again) start()
  }
  const stopListening = options.onState((state) => {
    if (state === 'expired') owed = true
    if (state === 'closed') stop()
    if (state === 'connected' && (owed || reading)) start()
  })
  const stop = () => {
    stopped = true
    stopListening()
  }
  start()
  return stop
}
