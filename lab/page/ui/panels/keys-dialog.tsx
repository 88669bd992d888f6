import { Dialog } from '../parts/dialog.tsx'

const KEYS: readonly (readonly [string, string])[] = [
  ['Space', 'play or pause'],
  ['.', 'step: the next event that matters'],
  ['[ and ]', 'slower and faster'],
  ['r, d, e', 'run to the next reconfiguration, dirty read, election'],
  ['f', 'full screen, for a lecture'],
  ['g', 'hide or show the guide'],
  ['Page Up, Page Down', 'the chapter before, the next chapter (full screen)'],
  ['Tab, then Enter', 'walk through messages and processes; pin a message'],
  ['Escape', 'unpin, or close what is open'],
  ['?', 'this list'],
]

export function KeysDialog({ onClose }: { readonly onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl class="keys-list">
        {KEYS.map(([key, text]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}
