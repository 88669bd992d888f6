/** What a member that joins must know before its own log tells it: where the others are. */
import { coordinator } from '../../client/coordinator/client.ts'
import type { TlsSource } from '../../client/transport/tls-options.ts'
import { configOf } from '../../coordinator/znodes/ensemble-rows.ts'
import type { EnsembleMember } from './options.ts'

const PATIENCE_MS = 10_000

/**
 * The members of a running ensemble, as `/zookeeper/config` names them.
 *
 * @param tls - how they are spoken to; null: in plain.
 * @throws none of these has answered in ten seconds, or they name nobody.
 */
export async function membersOf(
  servers: readonly string[],
  tls: TlsSource | null,
): Promise<readonly EnsembleMember[]> {
  const client = coordinator({ servers: servers.join(','), sessionTimeoutMs: 6000, ...(tls && { tls }) })
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const error = new Error(
      `--join: none of ${servers.join(', ')} has answered in ${PATIENCE_MS / 1000} s. Give client addresses of members that run`,
    )
    timer = setTimeout(() => reject(error), PATIENCE_MS)
  })
  try {
    const { data } = await Promise.race([read(client), late])
    const config = configOf(new TextDecoder().decode(data))
    if (config === null) throw new Error(`--join: ${servers.join(', ')} name no members in /zookeeper/config`)
    return config.rows.map(({ number, host, peerPort, clientPort }) => ({
      id: `coordinator-${number}`,
      host: host.replace(/^\[(.*)\]$/, '$1'),
      peerPort,
      clientPort,
    }))
  } finally {
    clearTimeout(timer)
    await client.close()
  }
}

async function read(client: ReturnType<typeof coordinator>) {
  for (;;) {
    try {
      return await client.getData('/zookeeper/config')
    } catch (error) {
      if (client.state === 'expired' || client.state === 'closed') throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
