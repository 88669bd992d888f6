import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { startBrowser } from '../checker-page/browser.ts'

export const PAGE_FILE = join(import.meta.dirname, '../../dist/page/index.html')
const ADDRESS = pathToFileURL(PAGE_FILE).href
const READY =
  'window.catenary !== undefined && window.catenary.runner.board !== null && !window.catenary.runner.loading'

export interface Shape {
  readonly hash?: string
  readonly width?: number
  readonly height?: number
  readonly dark?: boolean
  /** Without motion, as most tests are: nothing has to come to rest before it is clicked. */
  readonly calm?: boolean
}

interface Opened {
  readonly page: Page
  readonly errors: string[]
  readonly requests: string[]
}

/** For a test file: one browser; after each test the proof that its pages said nothing in anger and asked for nothing but themselves. */
export function pagesFromDisk() {
  let browser: Browser | null = null
  let visited: Opened | null = null
  const opened: Opened[] = []
  beforeAll(async () => {
    browser = await startBrowser()
  })
  afterAll(() => browser?.close())
  afterEach(async () => {
    const pages = opened.splice(0)
    await Promise.all(pages.map(({ page }) => page.context().close()))
    for (const { errors, requests } of visited === null ? pages : [...pages, visited])
      expect({ errors, requests }).toEqual({ errors: [], requests: [] })
  })
  const openAnew = async ({ hash = '', width = 1280, height = 800, dark = false, calm = true }: Shape) => {
    if (browser === null) throw new Error('the browser is not there yet')
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme: dark ? 'dark' : 'light',
      reducedMotion: calm ? 'reduce' : 'no-preference',
    })
    const page = await context.newPage()
    const errors: string[] = []
    const requests: string[] = []
    page.on('pageerror', (error) => errors.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') errors.push(message.text())
    })
    page.on('request', (request) => {
      if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(ADDRESS))
        requests.push(request.url())
    })
    await page.goto(`${ADDRESS}${hash}`)
    await page.waitForFunction(READY)
    return { page, errors, requests }
  }
  return {
    /** A page of its own, closed after the test. */
    open: async (shape: Shape = {}): Promise<Page> => {
      const found = await openAnew(shape)
      opened.push(found)
      return found.page
    },
    /** The one page of all tests that need no other: as a visitor who goes on from where he is. */
    goTo: async (hash: string): Promise<Page> => {
      visited ??= await openAnew({})
      await visited.page.evaluate(`location.hash = ${JSON.stringify(hash)}`)
      return visited.page
    },
  }
}

/** So many events that matter. */
export const step = (page: Page, count: number) =>
  page.evaluate(`(async () => { for (let i = 0; i < ${count}; i++) await window.catenary.runner.step() })()`)

export const act = (page: Page, action: object) =>
  page.evaluate(`window.catenary.runner.act(${JSON.stringify(action)})`)

export const hashOf = (page: Page) => page.evaluate<string>('window.catenary.runner.board.hash')

export const ready = (page: Page) => page.waitForFunction(READY)

/**
 * Presses what has these names, one after the other, as fast as the page goes: each must be there, and be enabled. For the many; that the few which
 * matter most can be reached by mouse is Playwright's to prove, at a tenth of a second each.
 */
export const press = (page: Page, ...names: readonly string[]) =>
  page.evaluate(`(async () => {
    for (const name of ${JSON.stringify(names)}) {
      const found = [...document.querySelectorAll('button')]
        .find((button) => (button.getAttribute('aria-label') ?? button.textContent.trim()) === name)
      if (found === undefined || found.disabled) throw new Error('nothing to press: ' + name)
      found.click()
      await new Promise((resolve) => setTimeout(resolve))
    }
  })()`)
