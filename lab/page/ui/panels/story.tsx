import type { MarkView } from '../../board/view.ts'
import { memo } from '../parts/memo.tsx'
import { usePage } from '../run/page.ts'

const SHOWN = 200

/** What happened so far, newest first. A click goes there. */
export const Story = memo(({ marks }: { readonly marks: readonly MarkView[] }) => {
  const { runner } = usePage()
  if (marks.length === 0) return <p class="hint">Nothing worth telling has happened yet.</p>
  return (
    <ol class="story" aria-label="what happened, newest first">
      {marks
        .slice(-SHOWN)
        .reverse()
        .map(({ atMs, kind, text }, i) => (
          <li key={`${atMs} ${text} ${i}`} class={kind}>
            <button type="button" onClick={() => void runner.goTo(atMs)}>
              <time>{(atMs / 1000).toFixed(3)} s</time>
              <span class="tag">{kind.replace('-', ' ')}</span>
              {text}
            </button>
          </li>
        ))}
    </ol>
  )
})
