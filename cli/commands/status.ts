import { setTimeout as sleep } from 'node:timers/promises'
import type { CommandModule, InferredOptionTypes } from 'yargs'
import { chainLine, chainsOf, replicaTable, serverLine, statusJson } from '../cluster-status.ts'
import { interrupted, note, say } from '../output.ts'
import { jsonOption, type StoreArguments, storeOptions, withStore } from '../store.ts'

const options = {
  watch: { type: 'boolean', default: false, describe: 'Show it again every second until Ctrl-C' },
  ...jsonOption,
  ...storeOptions,
  timeout: { ...storeOptions.timeout, default: '3s' },
} as const

type Arguments = InferredOptionTypes<typeof options>

const EVERY_MS = 1_000
const HOME_AND_CLEAR = '\x1b[H\x1b[J'

export const statusCommand: CommandModule<object, Arguments> = {
  command: 'status',
  describe: 'Show the chains: members from head to tail, epochs, commits, lags, leases',
  builder: (yargs) =>
    yargs
      .options(options)
      .example('$0 status', 'what every server says of itself')
      .example('$0 status --watch', 'again every second')
      .example("$0 status --json | jq '.chains[].members'", 'for other programs')
      .epilogue(
        [
          'role, epoch, commit: as the replica itself sees them; a replica that has not heard of the newest epoch says an older one.',
          'dirty: writes held and not yet committed.  lag: writes that the newest replica holds and this one does not.',
          'lease: how long it may go on answering strong reads by itself without hearing from the coordinator.',
          'A server that does not answer is shown as such; the status is 1 only if none does.',
        ].join('\n'),
      ) as never,
  handler: async (args) => (args.watch ? watch(args) : showOnce(args)),
}

async function showOnce(args: Arguments): Promise<void> {
  say(await statusText(args, args.json))
}

/** Connects anew each time, so that servers which come and go are seen as any new client would. */
async function watch(args: Arguments): Promise<void> {
  const onTerminal = process.stdout.isTTY && !args.json
  let stopped = false
  const stop = interrupted().then(() => {
    stopped = true
  })
  while (!stopped) {
    const shown = await Promise.race([stop, statusText(args, args.json).catch((error: Error) => error)])
    if (shown instanceof Error && isForGood(shown)) throw shown
    if (shown instanceof Error) note(`catenary: ${shown.message}`)
    else if (shown !== undefined)
      say(`${onTerminal ? HOME_AND_CLEAR : ''}${args.json ? '' : `${new Date().toISOString()}\n`}${shown}`)
    await Promise.race([stop, sleep(EVERY_MS, undefined, { ref: true })])
  }
  process.exit(0) // rather than wait for an answer that nobody will see
}

/** No second try makes sense of these. */
const isForGood = (error: Error & { code?: unknown }) =>
  error.name === 'UsageError' || error.code === 'BAD_ARGUMENT'

async function statusText(args: StoreArguments, json: boolean): Promise<string> {
  const servers = await withStore(args, (client) => client.status())
  if (servers.every(({ error }) => error !== null)) process.exitCode = 1
  const chains = chainsOf(servers)
  if (json) return JSON.stringify(statusJson(chains, servers))
  return [
    ...chains.map(chainLine),
    replicaTable(chains, servers),
    ...servers.filter(({ error }) => error !== null).map(serverLine),
  ].join('\n')
}
