import { render } from 'preact'
import { App } from './app.tsx'
import { openAddress } from './run/address.ts'
import { listenToKeys } from './run/keyboard.ts'
import { Page } from './run/page.ts'
import { followTheme } from './run/theme.ts'
import './style/base.css'
import './style/figure.css'
import './style/panels.css'
import './style/guide.css'

const root = document.getElementById('app')
if (root === null) throw new Error('the page has no place for the app')
const page = new Page()
followTheme(page)
render(<App page={page} />, root)
listenToKeys(page)
addEventListener('hashchange', () => void openAddress(page))
void openAddress(page).finally(() => performance.mark('interactive'))

declare global {
  interface Window {
    /** For those who want to look at a run from the browser's console. */
    catenary: Page
  }
}
window.catenary = page
