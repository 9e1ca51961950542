// Light or dark: the system's choice until the button says otherwise. A classic script, so that it runs before the
// first paint and the page does not flash.
(() => {
  const STORAGE_KEY = 'quintet-theme';
  const root = document.documentElement;
  const system = window.matchMedia('(prefers-color-scheme: dark)');

  // Storage may be closed to us (private windows); the choice then lasts as long as the page.
  const read = () => {
    try {
      return localStorage.getItem(STORAGE_KEY);
    } catch {
      return null;
    }
  };
  const write = (theme) => {
    try {
      localStorage.setItem(STORAGE_KEY, theme);
    } catch { /* the choice lasts as long as the page */ }
  };

  let chosen = read();

  const apply = () => {
    const theme = chosen === 'light' || chosen === 'dark' ? chosen : system.matches ? 'dark' : 'light';
    root.dataset.theme = theme;
    const button = document.getElementById('theme');
    if (button) {
      const other = theme === 'dark' ? 'light' : 'dark';
      button.textContent = other === 'dark' ? 'Dark' : 'Light';
      button.setAttribute('aria-label', `Switch to the ${other} theme`);
    }
    window.dispatchEvent(new Event('themechange'));
  };

  apply();
  system.addEventListener('change', apply);
  document.addEventListener('DOMContentLoaded', () => {
    document.getElementById('theme').addEventListener('click', () => {
      chosen = root.dataset.theme === 'dark' ? 'light' : 'dark';
      write(chosen);
      apply();
    });
    apply();
  });
})();
