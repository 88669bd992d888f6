import { type Logger, pino } from 'pino'

/** What a long-running command starts. */
export interface Stoppable {
  stop(): Promise<void>
}

/**
 * Runs a process until SIGTERM or SIGINT, and then stops it cleanly; a second signal ends it at once.
 * A bug (an invariant that does not hold, an error that nobody expected) ends it too: better no answer than a wrong one.
 */
export async function runUntilSignal(
  level: string,
  start: (logger: Logger) => Promise<Stoppable>,
): Promise<void> {
  const logger = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime })
  const die = (error: unknown) => {
    logger.fatal({ err: error }, 'stopping: this is a bug')
    process.exit(70)
  }
  process.on('uncaughtException', die)
  process.on('unhandledRejection', die)
  const asked = new Promise<string>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal))
    // A child of the demo or of a test: without its parent nobody would ever stop it.
    process.once('disconnect', () => resolve('the parent is gone'))
    process.channel?.unref() // listening must not keep a stopped process alive
  })
  const running = await Promise.race([start(logger), asked])
  if (typeof running === 'string') {
    logger.info({ signal: running }, 'stopped before it was up')
    process.exit(0) // what it waits for may never come
  }
  const signal = await asked
  for (const again of ['SIGTERM', 'SIGINT'] as const) process.once(again, () => process.exit(1))
  logger.info({ signal }, 'stopping')
  await running.stop()
}
