import type { CommandModule, InferredOptionTypes } from 'yargs'
import type { CoordinatorClient, WatchEvent, Znode } from '../../../client/coordinator/client.ts'
import { jsonBytes, showLine } from '../../bytes.ts'
import { withEnsemble } from '../../ensemble.ts'
import { interrupted, note, say, sayJson } from '../../output.ts'
import { pathPositional, toPath, znodeOptions } from '../../znodes.ts'

const options = {
  recursive: {
    type: 'boolean',
    default: false,
    alias: 'R',
    describe: 'Also what happens below it, at any depth',
  },
  ...znodeOptions,
} as const

type Arguments = InferredOptionTypes<typeof options & typeof pathPositional>

export const watchZnodeCommand: CommandModule<object, Arguments> = {
  command: 'watch <path>',
  describe: 'Print what happens to a znode and its children, until Ctrl-C',
  builder: (yargs) =>
    yargs
      .positional('path', pathPositional.path)
      .options(options)
      .example('$0 znode watch /catenary/chains/c0', 'every new configuration of a chain')
      .example('$0 znode watch /catenary/servers --json', 'who comes and goes, one JSON object a line')
      .example('$0 znode watch / --recursive', 'everything that happens, as it happens')
      .epilogue(
        'Begins with what there is. Of changes that follow each other fast, some may be skipped; the last never is.',
      ) as never,
  handler: async (args) => {
    const path = toPath(args.path)
    const follow = args.recursive ? watchBelow : watch
    return withEnsemble(args, (client) => follow(client, path, args.json), { endless: true })
  },
}

export type ZnodeEvent =
  | { readonly type: 'absent' | 'deleted' }
  | { readonly type: 'present' | 'created' | 'data-changed'; readonly znode: Znode }
  | { readonly type: 'children'; readonly children: readonly string[] }
  | { readonly type: 'child-created' | 'child-deleted'; readonly child: string }

async function watch(client: CoordinatorClient, path: string, json: boolean): Promise<void> {
  const tell = (event: ZnodeEvent) => {
    const time = new Date().toISOString()
    if (json) sayJson({ time, path, ...eventJson(event) })
    else say(`${time}  ${path}  ${eventText(event)}`)
  }
  const data = new DataStory()
  const children = new ChildrenStory()
  const stops = [
    client.watchData(path, (znode) => data.next(znode).forEach(tell)),
    client.watchChildren(path, (names) => children.next(names).forEach(tell)),
    client.onState((state) => note(`${new Date().toISOString()}  coordinators: ${state}`)),
  ]
  await interrupted()
  for (const stop of stops) stop()
}

/** Every single change, with the data that a look right after it finds: that of a later change, perhaps. */
async function watchBelow(client: CoordinatorClient, path: string, json: boolean): Promise<void> {
  const tell = (event: WatchEvent, znode: Znode | null) => {
    const time = new Date().toISOString()
    const found: ZnodeEvent = { type: event.type, znode } as ZnodeEvent
    if (json)
      sayJson({ time, path: event.path, ...(znode === null ? { type: event.type } : eventJson(found)) })
    else say(`${time}  ${event.path}  ${znode === null ? event.type : eventText(found)}`)
  }
  // One after the other, in the order of the events.
  let told = Promise.resolve()
  const deliver = (event: WatchEvent) => {
    const look = event.type === 'deleted' ? null : client.getData(event.path).catch(() => null)
    told = told.then(async () => tell(event, await look))
  }
  const set = () => client.addWatch(path, deliver, { recursive: true })
  let isNew = false
  const stopListening = client.onState((state) => {
    note(`${new Date().toISOString()}  coordinators: ${state}`)
    if (state === 'expired') isNew = true
    // A session's watches go with it.
    if (state === 'connected' && isNew) {
      isNew = false
      set().catch(() => {
        isNew = true
      })
    }
  })
  const stop = await set()
  await interrupted()
  stopListening()
  stop()
}

/** Tells what has happened from one look at the data to the next. */
export class DataStory {
  #last: Znode | null | undefined

  next(znode: Znode | null): ZnodeEvent[] {
    const last = this.#last
    this.#last = znode
    if (znode === null) return last === null ? [] : [{ type: last === undefined ? 'absent' : 'deleted' }]
    if (last === undefined) return [{ type: 'present', znode }]
    if (last === null) return [{ type: 'created', znode }]
    if (last.stat.czxid !== znode.stat.czxid) return [{ type: 'deleted' }, { type: 'created', znode }]
    return last.stat.mzxid === znode.stat.mzxid ? [] : [{ type: 'data-changed', znode }]
  }
}

/** The same of the children. */
export class ChildrenStory {
  #last: readonly string[] | null = null

  next(names: readonly string[] | null): ZnodeEvent[] {
    const last = this.#last
    this.#last = names ?? []
    if (last === null)
      return names === null || names.length === 0 ? [] : [{ type: 'children', children: names }]
    const now = new Set(names)
    const before = new Set(last)
    return [
      ...last.filter((child) => !now.has(child)).map((child) => ({ type: 'child-deleted' as const, child })),
      ...[...now]
        .filter((child) => !before.has(child))
        .map((child) => ({ type: 'child-created' as const, child })),
    ]
  }
}

function eventText(event: ZnodeEvent): string {
  if ('znode' in event)
    return `${event.type}  dataVersion ${event.znode.stat.version}  ${showLine(event.znode.data)}`
  if ('children' in event) return `children  ${event.children.join(' ')}`
  return 'child' in event ? `${event.type}  ${event.child}` : event.type
}

function eventJson(event: ZnodeEvent): Record<string, unknown> {
  if (!('znode' in event)) return event
  const { type, znode } = event
  return { type, dataVersion: znode.stat.version, zxid: znode.stat.mzxid, ...jsonBytes('data', znode.data) }
}
