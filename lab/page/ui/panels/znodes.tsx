import { useState } from 'preact/hooks'
import type { ZnodeOperation } from '../../board/action.ts'
import type { BoardView, SessionView, WatchView, ZnodeView } from '../../board/view.ts'
import { Field } from '../parts/field.tsx'
import { memo } from '../parts/memo.tsx'
import { usePage } from '../run/page.ts'

const Tree = memo(
  ({
    znodes,
    sessions,
  }: {
    readonly znodes: readonly ZnodeView[]
    readonly sessions: readonly SessionView[]
  }) => {
    const owners = new Map(sessions.map(({ id, who }) => [id, who ?? id]))
    return (
      <ul class="znodes" aria-label="znode tree">
        {znodes.map(({ path, data, dataVersion, mzxid, owner }) => (
          <li key={path} style={{ paddingLeft: `${Math.max(0, path.split('/').length - 2) * 1.1}rem` }}>
            <code>{path.slice(path.lastIndexOf('/')) || '/'}</code>
            {owner !== null && (
              <span class="tag" title="ephemeral: it ends with its session">
                {owners.get(owner) ?? owner}
              </span>
            )}
            <span class="data">{data}</span>
            <small>
              v{dataVersion} · zxid {mzxid}
            </small>
          </li>
        ))}
      </ul>
    )
  },
)

const Sessions = memo(
  ({
    sessions,
    watches,
  }: {
    readonly sessions: readonly SessionView[]
    readonly watches: readonly WatchView[]
  }) => (
    <div class="sessions">
      <h3>Sessions</h3>
      <ul>
        {sessions.map(({ id, timeoutMs, at, ephemerals, who }) => (
          <li key={id}>
            <b>{who ?? id}</b> at {at}, {timeoutMs} ms
            {ephemerals.length > 0 && <small> holds {ephemerals.join(', ')}</small>}
          </li>
        ))}
      </ul>
      <h3>Watches</h3>
      <ul>
        {watches.map(({ coordinator, count }) => (
          <li key={coordinator}>
            {coordinator}: {count}
          </li>
        ))}
      </ul>
    </div>
  ),
)

const TYPES: readonly ZnodeOperation['type'][] = ['create', 'set', 'get', 'delete', 'sync']

function ZnodeComposer() {
  const { runner } = usePage()
  const [type, setType] = useState<ZnodeOperation['type']>('create')
  const [path, setPath] = useState('/mine')
  const [data, setData] = useState('1')
  const [flags, setFlags] = useState({ ephemeral: false, sequential: false, watch: false })
  const send = (event: Event) => {
    event.preventDefault()
    const { watch, ...kinds } = flags
    const op: ZnodeOperation =
      type === 'create'
        ? { type, path, data, ...kinds }
        : type === 'set'
          ? { type, path, data }
          : type === 'get'
            ? { type, path, watch }
            : { type, path }
    void runner.act({ type: 'znode', op })
  }
  const shown =
    type === 'create' ? (['ephemeral', 'sequential'] as const) : type === 'get' ? (['watch'] as const) : []
  return (
    <form class="composer" onSubmit={send} aria-label="a znode operation">
      <select
        aria-label="znode operation"
        value={type}
        onChange={(event) => setType(event.currentTarget.value as ZnodeOperation['type'])}
      >
        {TYPES.map((each) => (
          <option key={each}>{each}</option>
        ))}
      </select>
      <Field label="path" value={path} onChange={setPath} wide charactersMax={80} />
      {(type === 'create' || type === 'set') && <Field label="data" value={data} onChange={setData} />}
      {shown.map((flag) => (
        <label class="check" key={flag}>
          <input
            type="checkbox"
            checked={flags[flag]}
            onChange={(event) => setFlags({ ...flags, [flag]: event.currentTarget.checked })}
          />
          {flag}
        </label>
      ))}
      <button type="submit" class="primary">
        Ask
      </button>
    </form>
  )
}

/** What the coordinators hold: the tree, and who has a session with them. */
export function Znodes({ view }: { readonly view: BoardView }) {
  return (
    <div class="znode-panel">
      <ZnodeComposer />
      <div class="znode-columns">
        <Tree znodes={view.znodes} sessions={view.sessions} />
        <Sessions sessions={view.sessions} watches={view.watches} />
      </div>
    </div>
  )
}
