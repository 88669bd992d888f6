/** Backups of two chains at one server that goes on being written; and what comes of a damaged file. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readBackup, targetOf } from '../../../cli/backup/backup-file.ts'
import { restoreBackup } from '../../../cli/backup/restore-backup.ts'
import { takeBackup } from '../../../cli/backup/take-backup.ts'
import type { ClusterTree } from '../../../cli/cluster-tree.ts'
import { type Client, connect } from '../../../client/index.ts'
import type { ChainConfig } from '../../../protocol/chain-config.ts'
import { asChainId, asEpoch, asServerId } from '../../../protocol/ids.ts'
import { slotOf } from '../../../protocol/slots.ts'
import { backupRoute } from '../../../runtime/backup/backup-door.ts'
import { decodeItems } from '../../../runtime/backup/format.ts'
import { type HttpDoor, openHttpDoor } from '../../../runtime/doors/http.ts'
import type { DataServer } from '../../../runtime/server/data-server.ts'
import { openDataServer } from '../../../runtime/server/open-data-server.ts'
import { openDataDirectory } from '../../../runtime/storage/data-directory.ts'

const path = mkdtempSync(join(tmpdir(), 'catenary-backup-'))
const logger = pino({ level: 'silent' })
const ACCOUNTS = 120
const FILLER = 'x'.repeat(9000)
const LATER = new Date(Date.now() + 3_600_000)

interface Running {
  readonly server: DataServer
  readonly http: HttpDoor
  readonly client: Client
  readonly tree: ClusterTree
  close(): Promise<void>
}

/** One server with two chains, each on its own; and no coordinators. */
async function start(name: string, clusterId: string): Promise<Running> {
  const data = openDataDirectory({ path: join(path, name), kind: 'server', id: 'n1' })
  const incarnation = data.nextIncarnation()
  const listen = { host: '127.0.0.1', port: 0 }
  const id = asServerId('n1')
  const server = await openDataServer({
    ...{ id, data, incarnation, clusterId, listen, logger, clusterName: 'catenary' },
    ...{ fsync: 'never', transport: 'tcp', onReport: () => {}, onStorageFailed: () => {} },
  })
  const member = { server: id, incarnation, serving: true, leaving: false }
  const configs = ([[0, 8191] as const, [8192, 16_383] as const] as const).map(
    (slots, i): ChainConfig => ({
      ...{ chain: asChainId(`c${i}`), epoch: asEpoch(1), members: [member], joining: null, slots: [slots] },
    }),
  )
  const port = server.address?.port ?? 0
  const http = await openHttpDoor({
    ...listen,
    status: () => server.status(),
    unhealthy: () => null,
    unready: () => null,
    metrics: async () => ({ contentType: 'text/plain', text: async () => '' }),
    routes: { '/backup': backupRoute({ server, clusterId, logger }) },
  })
  const registration = {
    ...{ server: id, incarnation, host: '127.0.0.1', port, httpPort: http.port, redisPort: 0 },
    ...{ zone: '', dataId: data.dataId, holds: {}, draining: false },
  }
  server.learnServer(registration)
  server.view.learnServer(registration)
  server.renewLease(Number.MAX_SAFE_INTEGER)
  for (const config of configs) await server.learnConfig(config)
  const client = await connect({ servers: [`127.0.0.1:${port}`] })
  const tree = {
    options: { clusterId },
    chains: configs.map((config) => ({ chain: config.chain, config, dataVersion: 0 })),
    servers: new Map([['n1', registration]]),
    drains: [],
  } as unknown as ClusterTree
  const close = async () => {
    await client.close()
    await http.close()
    await server.stop()
    data.close()
  }
  return { server, http, client, tree, close }
}

let from: Running
beforeAll(async () => {
  from = await start('from', 'cluster-1')
  for (const tag of TAGS)
    for (let i = 0; i < ACCOUNTS; i++) await from.client.put(account(tag, i), `100 ${FILLER}`)
  await from.client.put('expires', 'later', { expiresAt: LATER })
  await from.client.put(new Uint8Array([0, 255, 128]), new Uint8Array([0, 200, 10]))
})
afterAll(async () => {
  await from.close()
  rmSync(path, { recursive: true, force: true })
})

/** One of each chain. */
const TAGS = [0, 1].map((chain) => {
  for (let n = 0; ; n++) if (Math.floor(slotOf(`t${n}` as never) / 8192) === chain) return `t${n}`
})
const account = (tag: string, i: number) => `{${tag}}/${String(i).padStart(4, '0')}`

/** Moves money between accounts of one chain, by transactions, until it is told to stop. @returns how often. */
function transfers({ client }: Running, tag: string): () => Promise<number> {
  let stopped = false
  let count = 0
  const amount = (text: string | undefined) => Number(text?.split(' ')[0])
  const run = async (worker: number) => {
    for (let n = worker; !stopped; n += 2) {
      const pair = [account(tag, (n * 37) % ACCOUNTS), account(tag, (n * 53 + 1) % ACCOUNTS)] as const
      const values = await client.getMany([...pair])
      if (pair[0] === pair[1]) continue
      const [a, b] = values
      const moved = 1 + (n % 7)
      const outcome = await client.transaction({
        compare: pair.map((key, i) => ({ key, ifVersion: values[i]?.version ?? 0 })),
        write: [
          { key: pair[0], value: `${amount(a?.text()) - moved} ${FILLER}` },
          { key: pair[1], value: `${amount(b?.text()) + moved} ${FILLER}` },
        ],
      })
      if (outcome.applied) count++
    }
  }
  const workers = [run(0), run(1)]
  return async () => {
    stopped = true
    await Promise.all(workers)
    return count
  }
}

async function itemsOf(file: string) {
  const items = new Map<string, { text: string; expiresAtWallMs: number; version: number }>()
  const summary = await readBackup(file, {
    onBlock: async ({ type, payload }) => {
      if (type !== 'items') return
      for (const { key, value, expiresAtWallMs, version } of decodeItems(payload))
        items.set(key, { text: Buffer.from(value).toString('latin1'), expiresAtWallMs, version })
    },
  })
  return { items, summary }
}

describe('a backup', () => {
  test('is each chain as it was at one seq while it is written, and comes back in an empty cluster', async () => {
    const file = join(path, 'whole.backup')
    const stops = TAGS.map((tag) => transfers(from, tag))
    await new Promise((resolve) => setTimeout(resolve, 50))
    const taken = await takeBackup(file, async () => from.tree)
    const commits = from.server.status().replicas.map(({ commit }) => commit)
    const counts = await Promise.all(stops.map((stop) => stop()))

    const { items, summary } = await itemsOf(file)
    expect(summary).toMatchObject({ end: taken.end, chains: taken.chains, bytes: taken.bytes })
    expect(items.size).toBe(2 * ACCOUNTS + 2)
    for (const [i, tag] of TAGS.entries()) {
      let sum = 0
      for (let n = 0; n < ACCOUNTS; n++) sum += Number(items.get(account(tag, n))?.text.split(' ')[0])
      expect(sum, `money in ${tag}`).toBe(100 * ACCOUNTS)
      const at = taken.chains[i]?.seq ?? 0
      expect(commits[i], 'it was written meanwhile').toBeGreaterThan(at)
      expect(
        Math.max(...[...items].map(([key, { version }]) => (key.startsWith(`{${tag}`) ? version : 0))),
      ).toBe(at)
    }
    console.log(`${counts.join(' and ')} transfers while ${taken.bytes} bytes were copied`)

    const to = await start('to', 'cluster-2')
    try {
      expect(await restoreBackup(file, to.client, { outstandingMax: 64 })).toEqual({
        stored: items.size,
        expired: 0,
      })
      const restored = new Map<string, string>()
      for await (const item of to.client.scan({ prefix: '' }))
        restored.set(
          Buffer.from(item.keyBytes).toString('latin1'),
          Buffer.from(item.value).toString('latin1'),
        )
      expect(restored).toEqual(new Map([...items].map(([key, { text }]) => [key, text])))
      expect((await to.client.get('expires'))?.expiresAt).toEqual(LATER)
    } finally {
      await to.close()
    }
  })

  test('replaces no file, leaves none that is not whole, and finds a name in a directory', async () => {
    const file = join(path, 'there.backup')
    writeFileSync(file, 'mine')
    await expect(takeBackup(file, async () => from.tree)).rejects.toThrow(/exists: name another file/)
    expect(readFileSync(file, 'utf8')).toBe('mine')

    const [chain] = from.tree.chains
    const lost = { ...from.tree, chains: [{ ...chain, chain: 'c7' }] } as ClusterTree
    const before = readdirSync(path)
    await expect(takeBackup(join(path, 'lost'), async () => lost)).rejects.toThrow(
      /no replica of the chain "c7"/,
    )
    expect(readdirSync(path)).toEqual(before)
    expect(targetOf(path, new Date('2030-01-31T12:00:00.123Z'))).toBe(
      join(path, 'catenary-20300131T120000Z.backup'),
    )
  })

  test('begins a chain anew at another member where one breaks off', async () => {
    const breaks = createServer((request, response) => {
      get({ host: '127.0.0.1', port: from.http.port, path: request.url ?? '' }, (whole) => {
        whole.once('data', (chunk) => response.write(chunk, () => response.destroy()))
      })
    })
    await new Promise<void>((resolve) => void breaks.listen(0, '127.0.0.1', resolve))
    const n1 = from.tree.servers.get('n1')
    const tree = {
      ...from.tree,
      chains: from.tree.chains.map(({ chain, config, dataVersion }) => {
        const [member] = config?.members ?? []
        return { chain, dataVersion, config: { ...config, members: [member, { ...member, server: 'n2' }] } }
      }),
      servers: new Map([
        ['n1', n1],
        ['n2', { ...n1, httpPort: (breaks.address() as AddressInfo).port }],
      ]),
    } as unknown as ClusterTree
    const file = join(path, 'second-try.backup')
    const troubles: string[] = []
    const { end } = await takeBackup(file, async () => tree, {
      told: { onTrouble: (text) => troubles.push(text) },
    })
    breaks.close()
    expect(troubles).toEqual([expect.stringMatching(/^c0 from n2: /), expect.stringMatching(/^c1 from n2: /)])
    expect((await readBackup(file)).end).toEqual(end)
    expect(end.items).toBe(2 * ACCOUNTS + 2)
  })

  test('is refused by a server without a lease, which may have been dropped', async () => {
    from.server.renewLease(0)
    const response = await fetch(`http://127.0.0.1:${from.http.port}/backup?chain=c0`)
    expect([response.status, await response.text()]).toEqual([503, expect.stringContaining('no lease')])
    from.server.renewLease(Number.MAX_SAFE_INTEGER)
  })

  test('that is damaged anywhere, cut anywhere, or continued, is found out', async () => {
    const file = join(path, 'sound.backup')
    await takeBackup(file, async () => from.tree)
    const sound = readFileSync(file)
    const bad = join(path, 'bad.backup')
    const check = async (bytes: Buffer, what: string) => {
      writeFileSync(bad, bytes)
      await expect(readBackup(bad), what).rejects.toThrow(
        /bad\.backup.*(damaged|incomplete|follows|otherwise|SHA-256)/,
      )
    }
    for (let n = 0; n < 24; n++) {
      const at = Math.floor((sound.length * n) / 24)
      const flipped = Buffer.from(sound)
      flipped.writeUInt8(flipped.readUInt8(at) ^ 0x10, at)
      await check(flipped, `a bit of byte ${at}`)
      await check(sound.subarray(0, at), `cut at byte ${at}`)
    }
    await check(Buffer.concat([sound, sound.subarray(8)]), 'twice')
    await check(Buffer.concat([sound, Buffer.from('x')]), 'one byte more')
  })
})
