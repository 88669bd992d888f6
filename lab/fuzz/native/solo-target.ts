/** A data server, a coordinator and an http door in this process: what runs in a second. */
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { startCoordinator } from '../../../runtime/coordinator/coordinator.ts'
import { openHttpDoor } from '../../../runtime/doors/http.ts'
import { linkProof } from '../../../runtime/security/link-proof.ts'
import { ClusterSecret } from '../../../runtime/security/secret.ts'
import { openDataDirectory } from '../../../runtime/storage/data-directory.ts'
import { FuzzError } from '../fuzz-error.ts'
import { startSoloServer } from '../redis/solo-server.ts'
import { ClosedReasons } from './closed-reasons.ts'
import type { Target } from './target.ts'

const HOST = '127.0.0.1'
const CLUSTER = 'fuzz'
const COORDINATOR = 'coordinator-1'

export async function startSoloTarget({ secret }: { readonly secret: string | null }): Promise<Target> {
  const proof = secret === null ? null : linkProof(new ClusterSecret(Buffer.from(secret)), null)
  const reasons = new ClosedReasons()
  const failures: Error[] = []
  const solo = await startSoloServer({
    native: {
      cluster: CLUSTER,
      proof,
      onProtocolError: (remote, reason) => reasons.add('n1', remote, reason),
    },
  })
  const http = await openHttpDoor({
    ...{
      host: HOST,
      port: 0,
      status: () => solo.server.status(),
      unhealthy: () => null,
      unready: () => null,
    },
    metrics: async () => ({ contentType: 'text/plain', text: () => Promise.resolve('') }),
  })
  const directory = fs.mkdtempSync(join(tmpdir(), 'catenary-fuzz-'))
  const data = openDataDirectory({ path: join(directory, COORDINATOR), kind: 'coordinator', id: COORDINATOR })
  const member = await startCoordinator({
    ...{ id: COORDINATOR, clusterName: CLUSTER, data, fsync: 'never', ...(proof !== null && { proof }) },
    members: [{ id: COORDINATOR, host: HOST, peerPort: 0, clientPort: 0 }],
    logger: pino({ level: 'warn' }, { write: (line) => reasons.addLine(COORDINATOR, line) }),
    onFailure: (error) => failures.push(error),
  })
  const port = solo.server.address?.port ?? 0
  const ports = { native: port, peer: member.peerAddress?.port ?? 0, http: http.port }
  return {
    ...{
      cluster: CLUSTER,
      servers: [solo.server.id],
      coordinator: COORDINATOR,
      secured: false,
      saysAll: true,
    },
    credentials: proof?.credentials ?? null,
    ...{ port: (door) => ports[door], addresses: [`${HOST}:${port}`], reasons },
    look: () => {
      const [bug] = [...solo.bugs, ...failures]
      if (bug !== undefined) throw new FuzzError(`a server failed: ${bug}`, { cause: bug })
    },
    memory: () => {
      const { heapUsed, external } = process.memoryUsage()
      return { all: heapUsed + external }
    },
    held: () =>
      Promise.resolve({
        requests: solo.server.status().pendingRequests,
        sockets: process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length,
      }),
    close: async () => {
      await member.stop()
      data.close()
      fs.rmSync(directory, { recursive: true, force: true })
      await http.close()
      await solo.close()
    },
  }
}
