import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { Board } from '../../lab/page/board/board.ts'
import { CHAPTERS } from '../../lab/page/chapters/chapters.ts'
import { encodeTrace } from '../../lab/page/stage/trace.ts'
import { act, hashOf, PAGE_FILE, pagesFromDisk, press, ready, step } from './open-page.ts'

const { open, goTo } = pagesFromDisk()
const put = (value: string) => ({ type: 'client', client: 'client-1', op: { type: 'put', key: 'x', value } })

test('is one file of at most 400 KB compressed', () => {
  expect(gzipSync(readFileSync(PAGE_FILE)).length).toBeLessThan(400_000)
})

/** Whatever can be operated and has no name that could be read aloud. */
const NAMELESS = `[...document.querySelectorAll('button, input, select, textarea, summary, canvas, [role=button], [role=img]')]
  .filter((element) => !(element.getAttribute('aria-label') || element.textContent.trim() || element.labels?.length))
  .map((element) => element.outerHTML)`

/** Opens each menu again for each of its choices; some are refused, in words, since what they ask for is so already. */
const CLICK_ALL = `(async () => {
  const frame = () => new Promise((resolve) => setTimeout(resolve))
  const settled = async () => { await frame(); await window.catenary.runner.seek(Infinity); await frame() }
  let clicked = 0
  const click = async (element) => { element.click(); clicked++; await settled() }
  for (const dialog of ['setup', 'share', 'keys', 'source']) {
    window.catenary.set({ dialog })
    await frame()
    for (const button of [...document.querySelectorAll('dialog button')].reverse()) await click(button)
    window.catenary.set({ dialog: null })
    await frame()
  }
  for (const menu of [...document.querySelectorAll('.menu')]) {
    for (let i = 0; ; i++) {
      menu.querySelector('button').click()
      await frame()
      const choice = menu.querySelectorAll('[data-closes]')[i]
      if (choice === undefined) break
      await click(choice)
    }
    menu.querySelector('button').click()
    await frame()
  }
  return clicked
})()`

/** Labels that lie on a card, or on each other. */
const OVERLAPS = `(() => {
  const rects = (selector) => [...document.querySelectorAll(selector)]
    .map((element) => [element.dataset.node ?? element.textContent, element.getBoundingClientRect()])
  const labels = rects('.dot:not(.behind) .label:not(.nowhere)').filter(([, { width }]) => width > 0)
  const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1
  const cards = rects('.figure .card')
  return labels.flatMap(([text, rect], i) =>
    [...cards, ...labels.slice(i + 1)].filter(([, other]) => meet(rect, other)).map(([other]) => text + ' on ' + other))
})()`

describe('controls', () => {
  test('each can be clicked, and has a name', async () => {
    const page = await open({ calm: false })
    await page.getByRole('button', { name: 'Write x = 1' }).click()
    await page.getByRole('button', { name: 'pause' }).click()
    for (const name of ['n2: faults', 'coordinator-1: faults', 'faults of everybody']) {
      await press(page, name)
      expect(await page.evaluate(NAMELESS)).toEqual([])
      await page.keyboard.press('Escape')
    }
    await page.getByRole('button', { name: 'Step' }).click()
    await page.getByLabel('speed').selectOption('100')
    await press(page, 'dirty read', 'Znodes and sessions', 'Ask')
    await page.getByLabel('operation', { exact: true }).selectOption('cas')
    await page.getByLabel('expect').fill('1')
    await page.getByRole('button', { name: 'Send' }).click()
    await page.getByLabel('operation', { exact: true }).selectOption('get')
    await page.getByLabel('consistency').selectOption('bounded-age')
    await press(page, 'Send', 'What happened')
    await page.locator('.story button').last().click()
    await page.getByRole('button', { name: 'To now' }).click()
    await press(
      page,
      'Space and time',
      'closer',
      'farther',
      'earlier',
      'later',
      'colours: system',
      'colours: light',
    )
    expect(await page.evaluate('document.documentElement.dataset.theme')).toBe('dark')
    await page.locator('.source').click()
    await press(page, 'close', 'Lecture')
    expect(await page.locator('.guide').count()).toBe(0)
    await press(page, 'Lecture')
    expect(await page.evaluate(NAMELESS)).toEqual([])
    expect(await page.locator('.notice').allTextContents()).toEqual([])
  })

  test('every choice of every menu, and every button of every dialog', async () => {
    const page = await open()
    const clicked = await page.evaluate<number>(CLICK_ALL)
    expect(clicked).toBeGreaterThan(50)
    await step(page, 3)
    expect(await page.locator('.card.server').count()).toBeGreaterThan(3)
  })

  test('a new run with a rule left out, and absurd numbers are not taken', async () => {
    const page = await open({ dark: true, width: 820 })
    await press(page, 'New run')
    await page.locator('input[name=servers]').fill('999')
    await page.getByRole('button', { name: 'Start' }).click()
    expect(await page.locator('dialog').isVisible()).toBe(true)
    await page.locator('input[name=servers]').fill('5')
    await page.locator('input[name=replicationFactor]').fill('5')
    await page.locator('input[name=clients]').fill('6')
    await page.getByLabel('rule that is left out').selectOption('dirty-reads')
    expect(await page.evaluate(NAMELESS)).toEqual([])
    await press(page, 'Start')
    await page.waitForSelector('[data-node=n5]')
    expect(await page.locator('.mutant').textContent()).toMatch(/^Left out: /)
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(820)
    await ready(page)
    for (let i = 1; i <= 6; i++) await act(page, { ...put(String(i)), client: `client-${i}` })
    for (const steps of [3, 10, 10]) {
      await step(page, steps)
      expect(await page.evaluate(OVERLAPS)).toEqual([])
    }
    expect(await page.locator('.dot.several').count()).toBeGreaterThan(0)
  })
})

describe('messages', () => {
  test('are reached, read, pinned, held and dropped by keyboard alone', async () => {
    const page = await open()
    await act(page, put('1'))
    await step(page, 2)
    await page.getByRole('heading', { name: 'Catenary' }).click()
    for (let i = 0; i < 80; i++) {
      await page.keyboard.press('Tab')
      if (await page.evaluate<boolean>("document.activeElement.matches('.messages .dot')")) break
    }
    expect(await page.locator('.inspector').textContent()).toMatch(/Click it, or press Enter/)
    await page.keyboard.press('Enter')
    const hold = page.getByRole('button', { name: 'Hold' })
    await hold.focus()
    await page.keyboard.press('Enter')
    await page.waitForSelector('.messages .dot.held')
    await page.getByRole('button', { name: 'Drop' }).focus()
    await page.keyboard.press('Enter')
    await page.waitForFunction("document.querySelector('.inspector') === null")
    await page.evaluate('document.activeElement.blur()')
    await page.keyboard.press('.')
    await page.keyboard.press(' ')
    await page.getByRole('button', { name: 'pause' }).waitFor()
    await page.keyboard.press(' ')
    await page.keyboard.press('?')
    await page.getByRole('heading', { name: 'Keys' }).waitFor()
    await page.keyboard.press('Escape')
    await page.waitForFunction("document.querySelector('dialog') === null")
  })
})

describe('a share link', () => {
  test('replays to the same hash, here and in Node', async () => {
    const page = await open()
    await act(page, put('1'))
    await step(page, 6)
    await act(page, { type: 'crash', node: 'n3' })
    await act(page, { type: 'client', client: 'client-2', op: { type: 'get', key: 'x', at: 'n1' } })
    await page.getByRole('button', { name: 'reconfiguration' }).click()
    await page.waitForFunction(
      "window.catenary.runner.history.marks.some(({ kind }) => kind === 'reconfiguration')",
    )
    await page.getByRole('button', { name: 'Share' }).click()
    const link = await page.getByLabel('link to this run').inputValue()
    const hash = await hashOf(page)
    const recording = Board.fromLink(link.replace(/.*#run=/, ''))
    if ('error' in recording) throw new Error(recording.error)
    const { options, actions, untilMs } = recording
    const board = await Board.open(options, actions, { untilMs })
    expect(board.hash).toBe(hash)
    const again = await open({ hash: link.replace(/.*#/, '#') })
    expect(await hashOf(again)).toBe(hash)
  })

  test('that is broken gets a kind word, and a run to go on with', async () => {
    const page = await goTo('#run=nonsense')
    for (const hash of ['#run=', `#run=${'A'.repeat(5000)}`, '#chapter=99-nothing', '#trace=1.x', null]) {
      await page.getByRole('alert').waitFor()
      expect(((await page.getByRole('alert').textContent()) ?? '').length).toBeGreaterThan(30)
      await page.getByRole('button', { name: 'All right' }).click()
      if (hash !== null) await page.evaluate(`location.hash = ${JSON.stringify(hash)}`)
    }
    await step(page, 1)
    expect(await page.locator('.card.server').count()).toBe(3)
  })

  test('of a graded file shows the run that failed', async () => {
    const steps = ['c1 asks n1: put x=v1 (#1)', '  n1 answers #1']
    const trace = encodeTrace({ title: 'lab 1', failure: 'too early', steps })
    const page = await goTo(`#trace=${trace}`)
    const next = page.getByRole('button', { name: 'the next picture' })
    await next.click()
    await next.click()
    expect(await page.locator('.stage-caption').textContent()).toContain('too early')
    expect(await page.locator('.stage-node').allTextContents()).toHaveLength(2)
    await page.getByRole('img', { name: 'space-time diagram' }).waitFor()
  })
})

/** Opens each chapter, and in it the first scenario of each kind. @returns what went wrong. */
const OPEN_ALL = `(async (chapters) => {
  const until = async (what, isThere) => {
    for (let i = 0; i < 2000; i++) {
      if (isThere()) return
      await new Promise((resolve) => setTimeout(resolve, 4))
    }
    throw new Error(what + ' did not come')
  }
  const find = (selector) => document.querySelector(selector)
  const notices = []
  for (const { id, number, kinds } of chapters) {
    const choice = find('select[aria-label=chapter]')
    choice.value = id
    choice.dispatchEvent(new Event('change', { bubbles: true }))
    await until(id, () => find('.chapter-number')?.textContent === 'Chapter ' + number)
    for (const [i, kind] of kinds.entries()) {
      if (kinds.indexOf(kind) !== i) continue
      document.querySelectorAll('.scenario > button')[i].click()
      const { runner } = window.catenary
      await until(id + ' ' + i, () =>
        kind === 'board' ? !runner.loading && find('.figure') !== null : find('.stage') !== null)
      notices.push(...[...document.querySelectorAll('.notice')].map((notice) => id + ': ' + notice.textContent))
    }
  }
  return notices
})`

test('every chapter opens, with a scenario of each kind that it has', async () => {
  const page = await goTo('#')
  const chapters = CHAPTERS.map(({ id, number, scenarios }) => ({
    ...{ id, number },
    kinds: scenarios.map(({ kind }) => kind),
  }))
  expect(await page.evaluate(`${OPEN_ALL}(${JSON.stringify(chapters)})`)).toEqual([])
})

test('a scenario that fails says so, with the operations that show it', async () => {
  const page = await goTo('#chapter=07-old-clean-value')
  await page.locator('.chapter-number', { hasText: 'Chapter 7' }).waitFor()
  await page.locator('.scenario > button').first().click()
  await ready(page)
  await page.getByLabel('speed').selectOption('100')
  await page.getByText('Not linearizable', { exact: true }).waitFor()
  expect(await page.locator('.culprits li').count()).toBeGreaterThan(1)
  await page.locator('.culprits button').first().click()
  await page.getByRole('button', { name: 'To now' }).waitFor()
  expect(await page.locator('.operation.bad').count()).toBeGreaterThan(0)
})
