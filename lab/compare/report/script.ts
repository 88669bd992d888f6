/** The little that a page may do beyond being read: another theme, the data as a file, the section in view. */
export const SCRIPT = `(() => {
const root = document.documentElement, theme = document.getElementById('theme'), save = document.getElementById('save')
theme.hidden = save.hidden = false
const dark = () => root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches
theme.onclick = () => { root.dataset.theme = dark() ? 'light' : 'dark' }
save.onclick = () => {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([document.getElementById('data').textContent], { type: 'application/json' }))
  link.download = 'results.json'
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 1000)
}
const links = new Map([...document.querySelectorAll('nav.toc a')].map((link) => [link.hash.slice(1), link]))
const list = document.querySelector('nav.toc ul')
const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue
      for (const link of links.values()) link.removeAttribute('aria-current')
      const link = links.get(target.id)
      link.setAttribute('aria-current', 'true')
      list.scrollLeft = link.offsetLeft - list.clientWidth / 2
    }
  }, { rootMargin: '-30% 0px -65% 0px' })
  for (const section of document.querySelectorAll('main section')) seen.observe(section)
})()`
