import type { ConfigView } from '../../board/view.ts'
import { usePage } from '../run/page.ts'

/** One chain is drawn at a time; where there is only one, there is nothing to choose. */
export function ChainChoice({ configs }: { readonly configs: readonly ConfigView[] }) {
  const page = usePage()
  if (configs.length < 2) return null
  const shown = page.state.chain ?? configs[0]?.chain
  return (
    <div class="chains">
      {configs.map(({ chain }) => (
        <button key={chain} type="button" aria-pressed={chain === shown} onClick={() => page.set({ chain })}>
          chain {chain}
        </button>
      ))}
    </div>
  )
}
