import type { CommandModule, InferredOptionTypes } from 'yargs'
import type { CoordinatorClient, Znode } from '../../../client/coordinator/client.ts'
import { jsonBytes, showLine } from '../../bytes.ts'
import { withEnsemble } from '../../ensemble.ts'
import { interrupted, note, say, sayJson } from '../../output.ts'
import { pathPositional, toPath, znodeOptions } from '../../znodes.ts'

const options = { ...znodeOptions } as const

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
      .epilogue(
        'Begins with what there is. Of changes that follow each other fast, some may be skipped; the last never is.',
      ) as never,
  handler: async (args) => {
    const path = toPath(args.path)
    return withEnsemble(args, (client) => watch(client, path, args.json), { endless: true })
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
