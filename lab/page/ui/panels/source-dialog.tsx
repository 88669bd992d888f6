import { useEffect, useRef } from 'preact/hooks'
import { Dialog } from '../parts/dialog.tsx'
import { usePage } from '../run/page.ts'

const ROOT = '../../../../'
/** What captions can name: it stands in the page, so that it is there without a network. */
const SOURCES: Readonly<Record<string, string>> = import.meta.glob(
  [
    '../../../../chain/{link-downstream,link-upstream,read-path,write-path,configuration,step,snapshot-incoming,snapshot-outgoing}.ts',
    '../../../../coordinator/raft/{election,acceptance,replication,snapshot,read-index,step}.ts',
    '../../../../client/core/{tries,map-refresh}.ts',
    '../../../../client/coordinator/session.ts',
    '../../../../runtime/doors/zookeeper/client-connection.ts',
    '../../../../runtime/server/client-door.ts',
    '../../../../runtime/coordinator/member.ts',
  ],
  { query: '?raw', import: 'default', eager: true },
)

/** The function that has just run, in its file. */
export function SourceDialog({ onClose }: { readonly onClose: () => void }) {
  const { runner } = usePage()
  const marked = useRef<HTMLElement>(null)
  const caption = runner.view?.caption ?? null
  const text = caption === null ? undefined : SOURCES[ROOT + caption.file]
  const lines = text?.split('\n') ?? []
  const name = caption?.handler ?? ''
  const at = lines.findIndex((line) =>
    new RegExp(`(function |^ {2}(async )?)${name.replace(/[^\w#]/g, '')}\\b`).test(line),
  )
  useEffect(() => marked.current?.scrollIntoView({ block: 'center' }), [])
  return (
    <Dialog
      title={caption === null ? 'Source' : `${caption.file}${at < 0 ? '' : `, line ${at + 1}`}`}
      onClose={onClose}
    >
      {text === undefined ? (
        <p>
          {name} is in {caption?.file ?? 'no file'}, in the repository.
        </p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be within reach of the keyboard
        <pre class="source-text" tabIndex={0}>
          {lines.map((line, i) => (
            <code key={`${i} ${line}`} ref={i === at ? marked : null} class={i === at ? 'here' : ''}>
              {line}
              {'\n'}
            </code>
          ))}
        </pre>
      )}
    </Dialog>
  )
}
