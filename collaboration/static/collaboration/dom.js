/** Elements by id, and new ones. Text becomes text nodes, never markup. */

export const byId = (id) => document.getElementById(id);

export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter((child) => child !== null));
  return element;
}

export function button(words, onClick, properties = {}) {
  const element = make("button", { type: "button", ...properties }, words);
  element.addEventListener("click", onClick);
  return element;
}

export const span = (className, ...children) => make("span", { className }, ...children);
export const paragraph = (className, ...children) => make("p", { className }, ...children);

/** Say something for a moment, to screen readers too. */
export function toast(sentence) {
  const note = byId("toast");
  note.textContent = sentence;
  note.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => (note.hidden = true), 8000);
}

/** Run what a form asks for; its button waits, and what fails is said beside it. */
export function onSubmit(form, act) {
  const problem = form.querySelector(".problem");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button:not([type=button])");
    button.disabled = true;
    problem.hidden = true;
    try {
      await act(Object.fromEntries(new FormData(form)));
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    } finally {
      button.disabled = false;
    }
  });
}
