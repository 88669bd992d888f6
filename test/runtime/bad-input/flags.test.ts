/** Flags and addresses that make no sense: one message that names them and what would do, and a status that tells. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { catenary, eachOf } from '../../cli/run-catenary.ts'

const root = mkdtempSync(join(tmpdir(), 'catenary-flags-'))
let count = 0
const freshDirectory = () => join(root, `fresh-${++count}`)
const COORDINATOR = 'coordinator-1=127.0.0.1:1:2'

afterAll(() => rmSync(root, { recursive: true, force: true }))

describe('flags', () => {
  const server = ['server', '--id', 'n1', '--data', join(root, 'untouched'), '--coordinator', '127.0.0.1:1']
  const member = ['coordinator', '--id', 'coordinator-1', '--data', join(root, 'untouched')]
  const cases: readonly (readonly [args: readonly string[], status: number, sense: RegExp])[] = [
    [['serve'], 2, /Did you mean server|Unknown/],
    [['server', '--id', 'n1'], 2, /data/],
    [[...server, '--speed', '9'], 2, /speed/],
    [[...server, '--port', 'abc'], 2, /--port: .*0 to 65535/],
    [[...server, '--port', '70000'], 2, /--port: .*0 to 65535; not 70000/],
    [[...server, '--http-port', '-1'], 2, /--http-port: .*0 to 65535; not -1/],
    [[...server, '--session-timeout', '0'], 2, /--session-timeout: .*from 100/],
    [[...server, '--session-timeout', 'soon'], 2, /--session-timeout: .*no number/],
    [[...server, '--transport', 'pigeons'], 2, /transport "pigeons": .*tcp.*nats:/],
    [[...server, '--log-level', 'loud'], 2, /log-level.*loud/s],
    [[...server, '--cluster', 'a b'], 2, /cluster name "a b": .*letters/],
    [['server', '--id', 'n 1', '--data', join(root, 'untouched')], 2, /node name "n 1": .*letters/],
    [[...server.slice(0, 5), '--coordinator', '127.0.0.1:99999'], 2, /127\.0\.0\.1:99999/],
    [[...server.slice(0, 5), '--coordinator', ''], 2, /no coordinator is named/],
    [[...member, '--members', 'nonsense'], 2, /"nonsense" is not id=host:peerPort:clientPort/],
    [[...member, '--members', 'coordinator-1=127.0.0.1:99999:2'], 1, /127\.0\.0\.1:99999/],
    [[...member, '--members', COORDINATOR, '--chains', '0'], 2, /--chains: .*1 to 16384; not 0/],
    [[...member, '--members', COORDINATOR, '--chains', '1e9'], 2, /--chains: .*1 to 16384/],
    [[...member, '--members', COORDINATOR, '--replicas', '1.5'], 2, /--replicas: .*not 1\.5/],
    [[...member, '--members', COORDINATOR, '--durability', 'maybe'], 2, /durability.*maybe/s],
    [['demo', '--cities', 'many'], 2, /--cities: .*no number/],
  ]

  test('each is refused by name, with what would do', () =>
    eachOf(cases, async ([args, status, sense]) => {
      const ended = await catenary(args)
      expect(ended.stderr, args.join(' ')).toMatch(sense)
      expect(ended.stderr, args.join(' ')).not.toMatch(/^ +at /m)
      expect(ended.status, args.join(' ')).toBe(status)
      expect(existsSync(join(root, 'untouched')), args.join(' ')).toBe(false)
    }))

  test('members that contradict each other', () =>
    eachOf(
      [
        ['coordinator-2', COORDINATOR, /"coordinator-2" itself is not among them/],
        ['coordinator-1', '', /"coordinator-1" itself is not among them/],
        ['one', 'one=127.0.0.1:1:2', /"one": its id must end in a number/],
        ['coordinator-1', `${COORDINATOR},x-1=127.0.0.1:3:4`, /same number/],
      ] as const,
      async ([id, members, sense]) => {
        const ended = await catenary([
          'coordinator',
          '--id',
          id,
          '--data',
          freshDirectory(),
          '--members',
          members,
        ])
        expect(ended.stderr).toMatch(sense)
        expect(ended.status).toBe(1)
      },
    ))
})
