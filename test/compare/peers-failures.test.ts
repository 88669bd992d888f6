import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import type { SystemOptions } from '../../lab/compare/system.ts'
import { etcd } from '../../lab/compare/systems/etcd.ts'
import { jetstream } from '../../lab/compare/systems/jetstream.ts'
import { PeerProcess } from '../../lab/compare/systems/peer-process.ts'
import { redis } from '../../lab/compare/systems/redis.ts'
import { zookeeper } from '../../lab/compare/systems/zookeeper.ts'
import type { Operation } from '../../lab/load/target.ts'
import { bytes, mustBeThere, openPeer, processesIn, submitAll, submitOne, withFolder } from './peer-kit.ts'

afterEach(() => {
  vi.unstubAllEnvs()
})

const options = (directory: string, durability: SystemOptions['durability'] = 'durable'): SystemOptions => ({
  directory,
  durability,
  replicas: 3,
})

/** Puts a program of this name before the real one. */
async function fake(directory: string, name: string, script: string): Promise<void> {
  const folder = join(directory, 'programs')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`)
  await chmod(join(folder, name), 0o755)
  vi.stubEnv('PATH', [folder, process.env['PATH']].join(delimiter))
}

test.each([
  { system: etcd, durability: 'durable', part: 'leader' },
  { system: jetstream, durability: 'relaxed', part: 'follower' },
  { system: zookeeper, durability: 'durable', part: 'follower' },
] as const)(
  '$system.id: a $part is killed during a run, and comes back',
  async ({ system, durability, part }) => {
    await mustBeThere(system)
    await withFolder(async (directory) => {
      const running = await system.start(options(directory, durability))
      try {
        const [variant] = running.variants
        if (variant === undefined) throw new Error('no variant')
        const target = await openPeer(variant.target)
        try {
          const victim = (await running.processes()).find((one) => one.part === part)
          if (victim === undefined) throw new Error(`no ${part}`)
          const write = (i: number): Operation => ({
            type: 'insert',
            key: `k${i % 50}`,
            value: bytes(String(i)),
          })
          expect(await submitOne(target, write(0))).toBe(null)
          const inFlight = submitAll(
            target,
            Array.from({ length: 200 }, (_, i) => write(i)),
          )
          await running.kill?.(victim.name)
          // Each is answered, one way or the other: what its member had is an error, with its name.
          for (const answer of await inFlight)
            if (answer !== null) expect(answer).toMatch(/127\.0\.0\.1:\d+|error|unavailable|503/)
          await expect.poll(() => submitOne(target, write(1)), { timeout: 20_000, interval: 50 }).toBe(null)
          expect((await running.processes()).map(({ name }) => name)).not.toContain(victim.name)
          await running.restart?.(victim.name)
          expect((await running.processes()).map(({ name }) => name)).toContain(victim.name)
          await expect.poll(() => submitOne(target, write(2)), { timeout: 20_000, interval: 50 }).toBe(null)
        } finally {
          await target.close()
        }
      } finally {
        await running.stop()
      }
      expect(await processesIn(directory)).toEqual([])
    })
  },
)

test('a server that ends at once: its last words, and nothing is left running', async () => {
  await withFolder(async (directory) => {
    const script =
      'case "$*" in *name=etcd-2*) echo "no space left on this device" >&2; exit 3;; esac\nexec sleep 60'
    await fake(directory, 'etcd', script)
    await expect(etcd.start(options(directory))).rejects.toThrow(
      /etcd-2 ended with code 3\nno space left on this device/,
    )
    expect(await processesIn(directory)).toEqual([])
  })
})

test('a server that never gets ready is given up in time', async () => {
  await withFolder(async (directory) => {
    const command = {
      name: 'mute',
      program: 'sleep',
      args: ['60'],
      directory,
      ports: [1],
    }
    const peer = new PeerProcess(command)
    await peer.launch()
    const { pid } = peer
    await expect(peer.ready(async () => false, 200)).rejects.toThrow('mute is not ready after 200 ms')
    await peer.end()
    expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  })
})

test('a taken port is called that', async () => {
  await mustBeThere(redis)
  const squatter = createServer()
  await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve))
  const { port } = squatter.address() as { port: number }
  try {
    await withFolder(async (directory) => {
      const args = ['--port', String(port), '--bind', '127.0.0.1']
      const command = {
        name: 'redis',
        program: 'redis-server',
        args,
        directory,
        ports: [port],
      }
      const peer = new PeerProcess(command)
      await peer.launch()
      await expect(peer.ready(async () => false, 20_000)).rejects.toThrow(
        `redis: one of its ports is in use by another process (${port})`,
      )
    })
  } finally {
    squatter.close()
  }
})

test('what is not installed, or too old, comes with advice', async () => {
  await withFolder(async (directory) => {
    await fake(directory, 'etcd', 'echo "etcd Version: 3.3.25"')
    expect(await etcd.missing()).toBe(
      'etcd 3.3.25 is too old, 3.4.0 is needed: scripts/install-test-servers.sh --peers installs it',
    )
    await fake(directory, 'redis-server', 'exit 127')
    expect(await redis.missing()).toBe(
      'redis-server is not installed: scripts/install-test-servers.sh --peers installs it',
    )
    const absent = {
      name: 'x',
      program: 'no-such-server',
      args: [],
      directory,
      ports: [],
    }
    const peer = new PeerProcess(absent)
    await peer.launch()
    await expect(peer.ready(async () => true, 5000)).rejects.toThrow('no-such-server is not installed')
  })
})

test('JetStream syncs each write only from 2.10 on', async () => {
  await withFolder(async (directory) => {
    await fake(directory, 'nats-server', 'echo "nats-server: v2.9.10"')
    expect(jetstream.supports({ durability: 'durable', replicas: 3 })).toBe(false)
    expect(jetstream.supports({ durability: 'relaxed', replicas: 3 })).toBe(true)
  })
  await withFolder(async (directory) => {
    await fake(directory, 'nats-server', 'echo "nats-server: v2.10.4"')
    expect(jetstream.supports({ durability: 'durable', replicas: 3 })).toBe(true)
  })
})
