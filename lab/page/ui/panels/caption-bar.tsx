import type { CaptionView } from '../../board/view.ts'
import { memo } from '../parts/memo.tsx'
import { usePage } from '../run/page.ts'

/** Which code has just run, where it is, and which section it carries out. */
export const CaptionBar = memo(({ caption }: { readonly caption: CaptionView | null }) => {
  const page = usePage()
  if (caption === null) return <p class="caption">Nothing has happened yet. Press play, or send something.</p>
  return (
    <p class="caption">
      <span class="caption-text">{caption.text}</span>
      <button
        type="button"
        class="source"
        title={`show ${caption.file}`}
        onClick={() => page.set({ dialog: 'source' })}
      >
        {caption.handler} <small>{caption.file}</small>
      </button>
      {caption.paper !== null && <cite>{caption.paper}</cite>}
    </p>
  )
})
