import type { Page } from './page.ts'

export type Theme = 'system' | 'light' | 'dark'
export type Shade = 'light' | 'dark'

const DARK = matchMedia('(prefers-color-scheme: dark)')

const shadeOf = (theme: Theme): Shade => {
  if (theme !== 'system') return theme
  return DARK.matches ? 'dark' : 'light'
}

/** First the colours, then what is drawn with them. */
export function setTheme(page: Page, theme: Theme): void {
  const shade = shadeOf(theme)
  document.documentElement.dataset['theme'] = shade
  page.set({ theme, shade })
}

/** From the start on, and whenever the system changes its mind. */
export function followTheme(page: Page): void {
  const follow = () => setTheme(page, page.state.theme)
  DARK.addEventListener('change', follow)
  follow()
}
