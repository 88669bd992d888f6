import { expect } from 'vitest'
import { type CoordinatorClient, coordinator } from '../../client/coordinator/client.ts'
import { isCoordinatorError } from '../../client/coordinator/errors.ts'
import { CoordinatorProcesses } from './coordinator-processes.ts'

/** Again and again, as long as the connection is what is missing. */
async function persistently(work: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await work()
      return
    } catch (error) {
      if (!isCoordinatorError(error, 'CONNECTION_LOSS')) throw error
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}

/** Writes one after the other, and the longest time that one of them took to succeed, repeats included. */
class Writes {
  longestMs = 0
  count = 0
  #ends = false
  readonly #done: Promise<void>

  constructor(client: CoordinatorClient) {
    this.#done = this.#run(client)
  }

  async #run(client: CoordinatorClient): Promise<void> {
    await persistently(() => client.ensurePath('/written'))
    while (!this.#ends) {
      const begun = performance.now()
      await persistently(() => client.setData('/written', String(this.count)))
      this.longestMs = Math.max(this.longestMs, performance.now() - begun)
      this.count += 1
    }
  }

  async end(): Promise<void> {
    this.#ends = true
    await this.#done
  }
}

/** What a client sees while a voter, and then the leader, is replaced. @returns the longest wait of a write. */
export async function replaceVoters(entry: string): Promise<{ longestMs: number; writes: number }> {
  const processes = await CoordinatorProcesses.prepare(entry, 5)
  const client = coordinator({
    servers: [1, 2, 3, 4, 5].map((n) => processes.client(n)).join(','),
    sessionTimeoutMs: 6000,
  })
  try {
    for (const n of [1, 2, 3]) processes.start(n, { founders: [1, 2, 3] })
    const writes = new Writes(client)
    await expect.poll(() => writes.count, { timeout: 20_000 }).toBeGreaterThan(20)
    writes.longestMs = 0 // the founding is over
    const through = ['--coordinator', [1, 2, 4, 5].map((n) => processes.client(n)).join(',')]
    processes.start(4, { join: [1, 2, 3] })
    const first = await processes.command(
      'coordinator',
      'replace',
      'coordinator-3',
      processes.row(4),
      ...through,
    )
    expect(first).toMatch(/4 +│ votes/)
    await processes.kill(3)
    processes.start(5, { join: [1, 2, 4] })
    await processes.command('coordinator', 'add', processes.row(5), ...through)
    const leader = await processes.leader([1, 2, 4])
    await processes.command('coordinator', 'remove', `coordinator-${leader}`, ...through)
    await processes.kill(leader)
    const before = writes.count
    await expect.poll(() => writes.count, { timeout: 20_000 }).toBeGreaterThan(before + 50)
    await writes.end()
    const listed = await processes.command('coordinator', 'list', '--json', ...through)
    const { members } = JSON.parse(listed) as { members: { number: number; role: string }[] }
    const stayed = [1, 2, 4, 5].filter((number) => number !== leader)
    expect(members.map(({ number }) => number)).toEqual(stayed)
    expect(members.map(({ role }) => role)).toEqual(['participant', 'participant', 'participant'])
    // With the old ones gone, the new ones alone make a majority, and hold everything.
    await processes.kill(stayed[0] ?? 0)
    let data = ''
    await persistently(async () => {
      await client.sync('/written')
      data = new TextDecoder().decode((await client.getData('/written')).data)
    })
    expect(data).toBe(String(writes.count - 1))
    await persistently(() => client.setData('/written', 'end'))
    return { longestMs: writes.longestMs, writes: writes.count }
  } catch (error) {
    console.error(processes.log.slice(-6000))
    throw error
  } finally {
    await client.close()
    await processes.close()
  }
}
