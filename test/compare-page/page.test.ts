import { describe, expect, test } from 'vitest'
import { comparisonFiles } from '../../lab/compare/report/markdown.ts'
import { renderReport } from '../../lab/compare/report/render.ts'
import { pagesInChromium } from '../checker-page/browser.ts'
import { fixtureResults } from '../compare/fixture.ts'

// Each page is opened with the proof that it asks for nothing and complains of nothing.
const { openHtml } = pagesInChromium()
const html = renderReport(fixtureResults())

describe('the report', () => {
  test('findings first, then every experiment, with a way to each', async () => {
    const page = await openHtml(html)
    expect(await page.locator('h1').textContent()).toBe('Chain or quorum, measured')
    const titles = await page.locator('main h2').allTextContents()
    expect(titles[0]).toBe('What was found')
    expect(titles.at(-1)).toBe('Conditions')
    expect(await page.locator('nav.toc a').allTextContents()).toEqual(titles)
    for (const target of await page
      .locator('nav.toc a')
      .evaluateAll((links) => links.map((link) => link.getAttribute('href'))))
      expect(await page.locator(target ?? '').count()).toBe(1)
    expect(await page.locator('svg[role=img]:not([aria-label])').count()).toBe(0)
  })

  test('nothing drawn holds a number that is none', async () => {
    const page = await openHtml(html)
    const drawn = (
      await page.locator('svg.chart').evaluateAll((charts) => charts.map((chart) => chart.outerHTML))
    ).join('')
    expect(drawn).not.toMatch(/NaN|undefined|Infinity/)
    expect(await page.locator('main').textContent()).not.toMatch(/NaN|undefined|Infinity/)
  })

  test.each([1280, 380])(
    'names of lines stay inside of their drawings, and apart: %s wide',
    async (width) => {
      const page = await openHtml(html, { width })
      const wrong = await page.evaluate<string[]>(`(() => {
      const wrong = []
      for (const chart of document.querySelectorAll('.${width > 640 ? 'wide' : 'narrow'} svg.chart')) {
        const box = chart.getBoundingClientRect()
        const names = [...chart.querySelectorAll('text.name, text.strong, text.value')].map((text) => [text.textContent, text.getBoundingClientRect()])
        for (const [name, rect] of names) {
          if (rect.right > box.right + 1 || rect.bottom > box.bottom + 1) wrong.push(chart.getAttribute('aria-label') + ': ' + name + ' leaves it')
          for (const [other, there] of names)
            if (name !== other && rect.left < there.right && there.left < rect.right && rect.top + 3 < there.bottom && there.top + 3 < rect.bottom)
              wrong.push(chart.getAttribute('aria-label') + ': ' + name + ' meets ' + other)
        }
      }
      return wrong
    })()`)
      expect(wrong).toEqual([])
    },
  )

  for (const width of [340, 390, 768, 1280])
    test(`fits into a window of ${width}`, async () => {
      const page = await openHtml(html, { width })
      expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
      const shown = width <= 640 ? '.narrow' : '.wide'
      expect(await page.locator(`.drawing ${shown} >> visible=true`).count()).toBe(
        await page.locator('.drawing').count(),
      )
    })

  test('light and dark follow the reader, and then the button', async () => {
    const background = `getComputedStyle(document.body).backgroundColor`
    const dark = await openHtml(html, { dark: true })
    const light = await openHtml(html)
    const [night, day] = [await dark.evaluate<string>(background), await light.evaluate<string>(background)]
    expect(night).not.toBe(day)
    await light.focus('#theme')
    await light.keyboard.press('Enter')
    expect(await light.evaluate<string>(background)).toBe(night)
    await light.keyboard.press('Enter')
    expect(await light.evaluate<string>(background)).toBe(day)
  })

  test('text stands out from what is behind it, in both', async () => {
    for (const dark of [false, true]) {
      const page = await openHtml(html, { dark })
      const least = await page.evaluate<number>(`(() => {
        const light = (colour) => {
          const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
          return 0.2126 * r + 0.7152 * g + 0.0722 * b
        }
        const card = light(getComputedStyle(document.querySelector('.card')).backgroundColor)
        const colours = [...document.querySelectorAll('.chart text, .card p, .card td, .card th')].map((one) => {
          const style = getComputedStyle(one)
          return one.tagName === 'text' ? style.fill : style.color
        })
        return Math.min(...[...new Set(colours)].map((colour) => {
          const ink = light(colour)
          return (Math.max(ink, card) + 0.05) / (Math.min(ink, card) + 0.05)
        }))
      })()`)
      expect(least).toBeGreaterThanOrEqual(3.5)
    }
  })

  test('is whole without scripts', async () => {
    const page = await openHtml(html, { javaScriptEnabled: false })
    expect(await page.locator('.findings li').count()).toBeGreaterThan(5)
    expect(await page.locator('svg.chart >> visible=true').count()).toBeGreaterThan(15)
    expect(await page.locator('#theme').isVisible()).toBe(false)
  })

  test('keyboard: the skip link, then buttons, then the sections', async () => {
    const page = await openHtml(html)
    const focused = () =>
      page.evaluate<string>('document.activeElement.id || document.activeElement.textContent')
    await page.keyboard.press('Tab')
    expect(await focused()).toBe('To the findings')
    await page.keyboard.press('Tab')
    expect(await focused()).toBe('theme')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    expect(await focused()).toBe('What was found')
  })

  test('prints on pages, without what a page cannot do', async () => {
    const page = await openHtml(html)
    await page.emulateMedia({ media: 'print' })
    expect(await page.locator('nav.toc').isVisible()).toBe(false)
    expect(await page.locator('#theme').isVisible()).toBe(false)
    expect((await page.pdf({ preferCSSPageSize: true })).length).toBeGreaterThan(20_000)
  })
})

test('pictures of the documents are images by themselves', async () => {
  const files = comparisonFiles(fixtureResults()).filter(({ path }) => path.endsWith('.svg'))
  const images = files.map(
    ({ text }) => `<img src="data:image/svg+xml;base64,${Buffer.from(text).toString('base64')}">`,
  )
  const page = await openHtml(`<!doctype html><link rel="icon" href="data:,">${images.join('')}`)
  await page.waitForFunction('[...document.images].every((image) => image.complete)')
  const widths = await page.evaluate<number[]>('[...document.images].map((image) => image.naturalWidth)')
  expect(widths).toHaveLength(files.length)
  for (const width of widths) expect(width).toBeGreaterThan(300)
})
