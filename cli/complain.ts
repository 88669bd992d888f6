import type { Argv } from 'yargs'
import { StoreError } from '../protocol/errors.ts'

/** Ends the process with what went wrong and what to do about it: a sentence for operating errors, a trace only for our bugs. */
export function complain(message: string | null, error: Error | undefined, usage?: Argv): never {
  if (error === undefined) {
    process.stderr.write(
      `${message}\n\nSee ${usage === undefined ? 'catenary' : 'the command with'} --help.\n`,
    )
    process.exit(2)
  }
  process.stderr.write(`catenary: ${explain(error)}\n`)
  process.exit(1)
}

function explain(
  error: Error & { code?: unknown; port?: unknown; address?: unknown; path?: unknown },
): string {
  if (error instanceof StoreError) return `${error.code}: ${error.message}`
  if (error.code === 'EADDRINUSE') {
    return `port ${error.port} of ${error.address} is in use: choose another port, or end what listens there`
  }
  if (error.code === 'EACCES') return `permission denied: ${error.path ?? error.address ?? error.message}`
  const isOurs =
    error instanceof TypeError || error instanceof ReferenceError || error.name === 'InvariantViolation'
  return isOurs ? (error.stack ?? error.message) : error.message
}
