import { useState } from 'preact/hooks'
import { Dialog } from '../parts/dialog.tsx'
import { usePage } from '../run/page.ts'

async function copy(text: string, from: HTMLTextAreaElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    from?.select()
    return document.execCommand('copy')
  }
}

function save(text: string, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/plain' }))
  link.download = name
  link.click()
  URL.revokeObjectURL(link.href)
}

/** The run as a link, and as a scenario that the test suite can run. */
export function ShareDialog({ onClose }: { readonly onClose: () => void }) {
  const { runner } = usePage()
  const [said, setSaid] = useState('')
  const { board } = runner
  if (board === null) return null
  const link = `${location.href.replace(/#.*/, '')}#run=${board.toLink()}`
  const scenario = board.toScenario()
  const onCopy = async (event: Event, text: string) => {
    const area = (event.currentTarget as HTMLElement).closest('section')?.querySelector('textarea') ?? null
    setSaid((await copy(text, area)) ? 'copied' : 'press Ctrl+C to copy what is selected')
  }
  return (
    <Dialog title="Share this run" onClose={onClose}>
      <section>
        <p>
          The link holds the seed, the options and everything that you did. Whoever opens it sees exactly the
          same.
        </p>
        <textarea readOnly rows={3} value={link} aria-label="link to this run" />
        <p class="dialog-buttons">
          <button type="button" class="primary" onClick={(event) => void onCopy(event, link)}>
            Copy the link
          </button>
        </p>
      </section>
      <section>
        <p>As a scenario:</p>
        <textarea readOnly rows={10} value={scenario} aria-label="scenario" />
        <p class="dialog-buttons">
          <button type="button" onClick={(event) => void onCopy(event, scenario)}>
            Copy it
          </button>
          <button type="button" onClick={() => save(scenario, 'run.scenario.txt')}>
            Save it
          </button>
        </p>
      </section>
      <p class="hint">
        <span role="status">{said}</span> Hash of everything that happened:{' '}
        <code class="hash">{board.hash}</code>
      </p>
    </Dialog>
  )
}
