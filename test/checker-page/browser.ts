import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { renderPage } from '../../lab/checker/page/render.ts'
import type { Verdict } from '../../lab/checker/verdict.ts'

const ADVICE = 'chromium is not installed; run scripts/install-test-servers.sh'

/** Debian's own browser. Its sandbox cannot be had by root, and the page under test is our own. */
export function startBrowser(): Promise<Browser> {
  const asRoot = process.getuid?.() === 0
  return chromium.launch({
    executablePath: chromiumPath(),
    headless: true,
    args: ['--disable-gpu', '--disable-dev-shm-usage', ...(asRoot ? ['--no-sandbox'] : [])],
  })
}

export interface PageShape {
  readonly dark?: boolean
  readonly width?: number
  readonly height?: number
  readonly javaScriptEnabled?: boolean
}

export interface OpenPage {
  readonly page: Page
  /** What went wrong in it: exceptions, and what the console was told in anger. */
  readonly errors: string[]
  /** Addresses it asked for. A page that needs nothing else asks for none. */
  readonly requests: string[]
}

export async function openPage(browser: Browser, html: string, shape: PageShape = {}): Promise<OpenPage> {
  const context = await browser.newContext({
    viewport: { width: shape.width ?? 1360, height: shape.height ?? 860 },
    colorScheme: shape.dark === true ? 'dark' : 'light',
    javaScriptEnabled: shape.javaScriptEnabled ?? true,
  })
  const page = await context.newPage()
  const errors: string[] = []
  const requests: string[] = []
  page.on('pageerror', (error) => errors.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') errors.push(message.text())
  })
  page.on('request', (request) => {
    if (!request.url().startsWith('data:')) requests.push(request.url())
  })
  await page.setContent(html)
  return { page, errors, requests }
}

/** For a test file: one browser, and after each test the proof that its pages had no errors and asked for nothing. */
export function pagesInChromium() {
  let browser: Browser | null = null
  const opened: OpenPage[] = []
  beforeAll(async () => {
    browser = await startBrowser()
  })
  afterAll(() => browser?.close())
  afterEach(async () => {
    const pages = opened.splice(0)
    await Promise.all(pages.map(({ page }) => page.context().close()))
    for (const { errors, requests } of pages)
      expect({ errors, requests }).toEqual({ errors: [], requests: [] })
  })
  const openHtml = async (html: string, shape: PageShape = {}): Promise<Page> => {
    if (browser === null) throw new Error('the browser is not there yet')
    const found = await openPage(browser, html, shape)
    opened.push(found)
    return found.page
  }
  const open = (verdict: Verdict, shape: PageShape = {}) =>
    openHtml(renderPage(verdict, { title: 'A run', source: 'seed 42' }), shape)
  return { open, openHtml }
}

function chromiumPath(): string {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/local/bin']
  for (const folder of folders) {
    const path = join(folder, 'chromium')
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // not in this one
    }
  }
  throw new Error(ADVICE)
}
