import type { Server } from 'node:net'
import type { Address } from '../../protocol/transport.ts'

const BACKLOG = 1024

/**
 * Begins to listen. Port 0 takes a free one.
 *
 * @param onError - a single accept that fails later (too many open files): it harms nobody else.
 * @returns where it listens. Rejects as `listen` does (`EADDRINUSE`, `EACCES`).
 */
export function listen(
  server: Server,
  { host, port }: Address,
  onError: (error: Error) => void,
): Promise<Address> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, backlog: BACKLOG }, () => {
      server.off('error', reject)
      server.on('error', onError)
      const address = server.address()
      if (address === null || typeof address === 'string') reject(new Error(`${host}:${port} is no tcp port`))
      else resolve({ host: address.address, port: address.port })
    })
  })
}
