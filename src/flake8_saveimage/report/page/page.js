"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const GROUP_HEIGHT = 38, ITEM_HEIGHT = 58, OVERSCAN = 8;
  const FIXES = [["", "All"], ["safe", "Safe fix"], ["unsafe", "Unsafe"], ["none", "No fix"]];
  const GROUPS = [["file", "By file"], ["rule", "By rule"]];

  /* All that is shown is made here: text becomes text nodes, never markup. */
  function el(name, attributes, ...children) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value === false || value === null || value === undefined) continue;
      if (key === "class") node.className = value;
      else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else node.setAttribute(key, value === true ? "" : value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
    return node;
  }
  const plural = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
  const tone = (code) => `tone${code[3]}`;

  /* -- findings ---------------------------------------------------------------------------- */
  const findings = data.files.flatMap((file) => {
    const seen = new Map();
    return file.findings.map((finding) => {
      const [text] = file.lines[finding.line];
      const same = `${finding.code} ${text.trim()}`;
      seen.set(same, (seen.get(same) || 0) + 1);
      return Object.assign(finding, {
        file, fixName: finding.fix || "none",
        key: `${file.path} ${same} ${seen.get(same)}`,
        id: `${file.path}:${finding.line}:${finding.column}:${finding.code}`,
        haystack: [file.path, finding.code, data.rules[finding.code].title, finding.message, text].join("\n").toLowerCase(),
      });
    });
  });
  const codes = Object.keys(data.rules).sort();

  /* -- what is remembered between visits: theme and reviewed findings ------------------------ */
  const memory = {
    get(key) { try { return localStorage.getItem(`flake8-saveimage ${key}`); } catch { return null; } },
    set(key, value) { try { localStorage.setItem(`flake8-saveimage ${key}`, value); } catch { /* a page without storage */ } },
  };
  let reviewed;
  try { reviewed = new Set(JSON.parse(memory.get("reviewed") || "[]")); } catch { reviewed = new Set(); }

  /* -- theme --------------------------------------------------------------------------------- */
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  function showTheme() {
    const chosen = memory.get("theme");
    document.documentElement.dataset.theme = chosen || (prefersDark.matches ? "dark" : "light");
  }
  function switchTheme() {
    const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    memory.set("theme", next);
    document.documentElement.dataset.theme = next; // also where nothing can be stored
  }
  prefersDark.addEventListener("change", showTheme);
  showTheme();

  /* -- filters ------------------------------------------------------------------------------- */
  const state = { text: "", file: "", rules: new Set(), fix: "", group: "file", chosen: null };
  const search = byId("search"), fileInput = byId("file"), list = byId("list"), rows = byId("rows");
  let visible = [], layout = [];

  function matches(finding, without) {
    const words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
    return words.every((word) => finding.haystack.includes(word))
      && finding.file.path.toLowerCase().includes(state.file.toLowerCase())
      && (without === "rules" || !state.rules.size || state.rules.has(finding.code))
      && (without === "fix" || !state.fix || state.fix === finding.fixName);
  }

  const isFiltered = () => Boolean(state.text || state.file || state.rules.size || state.fix);

  function apply() {
    visible = findings.filter((finding) => matches(finding));
    if (state.group === "rule") {
      visible.sort((a, b) => (a.code < b.code ? -1 : a.code > b.code ? 1 : 0)); // stable: by file within
    }
    // without a choice and without filters: the overview
    if (!visible.includes(state.chosen)) state.chosen = (isFiltered() && visible[0]) || null;
    arrange();
    showFilters();
    list.scrollTop = 0;
    choose(state.chosen);
  }

  function tally(without, name) {
    const counts = {};
    for (const finding of findings) {
      if (matches(finding, without)) counts[finding[name]] = (counts[finding[name]] || 0) + 1;
    }
    return counts;
  }

  function showFilters() {
    const perRule = tally("rules", "code"), perFix = tally("fix", "fixName");
    byId("rules").replaceChildren(...codes.map((code) => el("button", {
      type: "button", class: `chip ${tone(code)}${perRule[code] ? "" : " empty"}`,
      "aria-pressed": String(state.rules.has(code)), title: data.rules[code].title, "data-code": code,
      onclick: () => toggleRule(code),
    }, code, el("span", {}, (perRule[code] || 0).toLocaleString("en")))));
    segments("fixes", FIXES, "fix", (name) => (name ? perFix[name] || 0 : null));
    segments("groups", GROUPS, "group", () => null);
    const all = visible.length === findings.length;
    byId("count").textContent = all ? plural(findings.length, "finding")
      : `${visible.length.toLocaleString("en")} of ${plural(findings.length, "finding")}`;
    byId("clear").hidden = !isFiltered();
  }

  function segments(id, options, key, count) {
    const focused = document.activeElement && document.activeElement.dataset.value;
    const within = byId(id).contains(document.activeElement);
    byId(id).replaceChildren(...options.map(([value, label]) => el("button", {
      type: "button", "aria-pressed": String(state[key] === value), "data-value": value || "all",
      title: count(value) === null ? null : plural(count(value), "finding"),
      onclick: () => { state[key] = value; apply(); },
    }, label)));
    if (within) byId(id).querySelector(`[data-value="${focused}"]`)?.focus();
  }

  function toggleRule(code) {
    if (!state.rules.delete(code)) state.rules.add(code);
    apply();
    byId("rules").querySelector(`[data-code="${code}"]`)?.focus();
  }

  function clear() {
    Object.assign(state, { text: "", file: "", rules: new Set(), fix: "" });
    search.value = fileInput.value = "";
    apply();
  }

  /* -- the list: only the rows in view exist --------------------------------------------------- */
  function arrange() {
    layout = [];
    let top = 4, group = null;
    for (const finding of visible) {
      const name = state.group === "file" ? finding.file : finding.code;
      if (group === null || group.name !== name) {
        group = { name, top, finding, total: 0, number: null };
        layout.push(group);
        top += GROUP_HEIGHT;
      }
      group.total += 1;
      layout.push({ finding, top, item: true, group });
      top += ITEM_HEIGHT;
    }
    let number = 0;
    for (const row of layout) if (row.item) { row.number = number; row.finding.row = row; number += 1; }
    rows.style.height = `${top + 16}px`;
    drawn = null;
  }

  function firstAt(y) {
    let low = 0, high = layout.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (layout[middle].top + (layout[middle].item ? ITEM_HEIGHT : GROUP_HEIGHT) <= y) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  let drawn = null;
  function draw() {
    const first = Math.max(0, firstAt(list.scrollTop) - OVERSCAN);
    const last = Math.min(layout.length, firstAt(list.scrollTop + list.clientHeight) + 1 + OVERSCAN);
    const range = `${first} ${last}`;
    if (range === drawn) return;
    drawn = range;
    rows.replaceChildren(...layout.slice(first, last).map((row) => (row.item ? item(row) : groupRow(row))));
  }

  /* In a notebook the cell and its line stand for the line of the program. */
  function placeIn({ file, line }) {
    return file.cells ? `cell ${file.cells[line][0]}:${file.cells[line][1]}` : String(line);
  }

  function numberIn(file, number) {
    return String(file.cells ? (file.cells[number] || ["", ""])[1] : number);
  }

  function item(row) {
    const { finding } = row;
    const node = el("div", {
      class: `item${reviewed.has(finding.key) ? " reviewed" : ""}`, role: "option", id: `f${row.number}`,
      "aria-selected": String(finding === state.chosen), "aria-posinset": row.number + 1, "aria-setsize": visible.length,
      onclick: () => choose(finding),
    },
    el("div", { class: "what" }, el("span", { class: `code ${tone(finding.code)}` }, finding.code),
      el("span", { class: "place" }, `${finding.file.cells ? "" : "line "}${placeIn(finding)}`)),
    el("div", { class: "said" },
      state.group === "rule" && el("div", { class: "from", title: finding.file.path }, finding.file.path),
      el("div", { class: "message" }, finding.message)));
    node.style.top = `${row.top}px`;
    return node;
  }

  function groupRow(row) {
    const node = el("div", { class: "group", role: "presentation" });
    if (state.group === "file") {
      const path = row.finding.file.path, cut = path.lastIndexOf("/") + 1;
      node.title = path;
      // the mark keeps the slash at its end in a right-to-left box, which cuts the beginning off
      node.append(...(cut ? [el("span", { class: "dir" }, `\u200e${path.slice(0, cut)}\u200e`)] : []), el("span", { class: "name" }, path.slice(cut)));
    } else {
      node.title = data.rules[row.name].title;
      node.append(el("span", { class: `code ${tone(row.name)}` }, row.name), el("span", { class: "name title" }, data.rules[row.name].title));
    }
    node.append(el("span", { class: "total" }, row.total.toLocaleString("en")));
    node.style.top = `${row.top}px`;
    return node;
  }

  function choose(finding) {
    state.chosen = finding;
    if (finding) {
      const { top, number } = finding.row;
      const above = top - GROUP_HEIGHT, below = top + ITEM_HEIGHT;
      if (above < list.scrollTop) list.scrollTop = above;
      else if (below > list.scrollTop + list.clientHeight) list.scrollTop = below - list.clientHeight + 12;
      list.setAttribute("aria-activedescendant", `f${number}`);
    } else list.removeAttribute("aria-activedescendant");
    drawn = null;
    draw();
    showDetail();
    remember();
  }

  function move(step) {
    if (!visible.length) return;
    const number = state.chosen ? state.chosen.row.number + step : 0;
    choose(visible[Math.min(visible.length - 1, Math.max(0, number))]);
  }

  function moveGroup(step) {
    const groups = layout.filter((row) => !row.item);
    if (!groups.length) return;
    const here = state.chosen ? groups.indexOf(state.chosen.row.group) : -1;
    choose(groups[Math.min(groups.length - 1, Math.max(0, here + step))].finding);
  }

  /* -- one finding ----------------------------------------------------------------------------- */
  function showDetail() {
    const detail = byId("detail"), finding = state.chosen;
    detail.scrollTop = 0;
    if (!finding) {
      detail.replaceChildren(...errorPanel(), visible.length ? overview() : nothing());
      return;
    }
    const rule = data.rules[finding.code];
    detail.replaceChildren(
      where(finding),
      el("h2", { class: "headline" }, rule.title[0].toUpperCase() + rule.title.slice(1)),
      tags(finding),
      el("p", { class: "say" }, ...quoted(finding.message)),
      sourcePanel(finding), ...elsewherePanel(finding), editPanel(finding), rulePanel(finding, rule));
  }

  /* -- the overview: what there is, what to do first ---------------------------------------------- */
  const count = (name) => findings.filter((finding) => finding.fixName === name).length;

  function showOverview() {
    state.chosen = null;
    clear();
  }

  function only(filter) {
    Object.assign(state, { text: "", file: "", rules: new Set(), fix: "", chosen: null }, filter);
    search.value = "";
    fileInput.value = state.file;
    apply();
    list.focus();
  }

  function overview() {
    const [safe, unsafe, none] = ["safe", "unsafe", "none"].map(count);
    const steps = [
      safe && step("Apply the safe fixes", `${plural(safe, "finding")}. They do not change what the program computes. Read the patch, then apply it.`,
        ["fix --diff", "fix"], "safe"),
      unsafe && step("Read the other fixes", `${plural(unsafe, "finding")}. These fixes may change what the program does; each finding says why.`,
        ["fix --unsafe-fixes --diff", "fix --unsafe-fixes"], "unsafe"),
      none && step("Edit the rest by hand", `${plural(none, "finding")}. Each page says what to write instead. Mark intentional overwriting with # noqa: CODE.`,
        [], "none"),
    ].filter(Boolean);
    const perRule = ranked(findings.map((finding) => finding.code));
    const perFile = ranked(findings.map((finding) => finding.file.path));
    return el("div", { class: "overview" },
      el("h2", { class: "headline" }, `${plural(findings.length, "finding")} in ${plural(data.files.length, "file")}`),
      el("p", { class: "say" }, `${plural(data.lookedAt, "file")} checked. Press j for the first finding, ? for all keys.`),
      panel("What to do first", el("ol", { class: "steps" }, ...steps)),
      panel("Rules", el("ul", { class: "bars" }, ...perRule.map(([code, number]) => bar(number, perRule[0][1], () => only({ rules: new Set([code]) }),
        el("span", { class: `code ${tone(code)}` }, code), el("span", { class: "words" }, data.rules[code].title))))),
      panel("Files", el("ul", { class: "bars" }, ...perFile.slice(0, MOST_FILES).map(([path, number]) => bar(number, perFile[0][1], () => only({ file: path }),
        el("span", { class: "words mono" }, path)))),
      perFile.length > MOST_FILES && el("p", { class: "aside" }, `and ${plural(perFile.length - MOST_FILES, "more file")} in the list`)));
  }
  const MOST_FILES = 12;

  function ranked(names) {
    const counts = new Map();
    for (const name of names) counts.set(name, (counts.get(name) || 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  }

  function panel(title, ...children) {
    return el("section", { class: "panel", "aria-label": title }, el("header", {}, el("h2", {}, title)), ...children);
  }

  function bar(number, most, onclick, ...label) {
    const meter = el("span", { class: "meter" });
    meter.style.width = `${Math.max(2, (100 * number) / most)}%`;
    return el("li", {}, el("button", { type: "button", onclick }, ...label, el("span", { class: "total" }, number.toLocaleString("en")), meter));
  }

  function step(title, text, commands, fix) {
    return el("li", {}, el("h3", {}, title), el("p", {}, text),
      ...commands.map((words) => `flake8-saveimage ${words} ${data.paths}`).map((command) => el("div", { class: "command" },
        el("code", {}, command), el("button", { type: "button", class: "tool", "aria-label": `Copy ${command}`, onclick: () => copy(command) }, "Copy"))),
      el("button", { type: "button", class: "link", onclick: () => only({ fix }) }, "Show them"));
  }

  function nothing() {
    const clean = findings.length === 0;
    return el("div", { class: "empty-state" },
      el("h2", {}, !clean ? "No finding matches these filters" : data.lookedAt ? `Nothing found in ${plural(data.lookedAt, "file")}` : "No files were checked"),
      el("p", {}, !clean ? "Change the search, or start again with all findings."
        : data.lookedAt ? "As far as the source shows, no saved file overwrites another and no image changes its colours."
          : "There were no Python files or notebooks at the given paths."),
      clean ? null : el("button", { type: "button", class: "primary", onclick: clear }, "Clear filters"));
  }

  function errorPanel() {
    if (!data.errors.length) return [];
    return [el("details", { class: "panel errors-panel", open: data.errors.length < 4 },
      el("summary", {}, el("h2", {}, `${plural(data.errors.length, "file")} could not be checked`)),
      el("div", { class: "aside" }, el("ul", { class: "errors" }, ...data.errors.map(([path, message]) => el("li", {}, el("code", {}, path), ` ${message}`)))))];
  }

  function where(finding) {
    const path = finding.file.path, cut = path.lastIndexOf("/") + 1, { number } = finding.row;
    return el("div", { class: "where" },
      el("button", { type: "button", class: "path", title: "Copy the place (c)", onclick: copyPlace },
        path.slice(0, cut), el("b", {}, path.slice(cut)), `:${placeIn(finding)}:${finding.column}`),
      el("div", { class: "step" },
        el("button", { type: "button", "aria-label": "Previous finding", title: "Previous (k)", disabled: number === 0, onclick: () => move(-1) }, "\u2039"),
        `${(number + 1).toLocaleString("en")} / ${visible.length.toLocaleString("en")}`,
        el("button", { type: "button", "aria-label": "Next finding", title: "Next (j)", disabled: number === visible.length - 1, onclick: () => move(1) }, "\u203a")));
  }

  function tags(finding) {
    const fix = { safe: "Safe fix", unsafe: "Unsafe fix", none: "No automatic fix" }[finding.fixName];
    return el("div", { class: "tags" },
      el("span", { class: `tag code ${tone(finding.code)}` }, finding.code),
      el("span", { class: `tag tone-${finding.fixName}` }, fix),
      el("label", { class: "review", title: "Mark as reviewed (x)" },
        el("input", { type: "checkbox", checked: reviewed.has(finding.key), onchange: toggleReviewed }), "Reviewed"));
  }

  /* 'quoted' and `quoted` parts of a text as code */
  function quoted(text) {
    return text.split(/('[^']+'|`[^`]+`)/).map((part) => (/^(['`]).+\1$/.test(part) ? el("code", {}, part.slice(1, -1)) : part));
  }

  /* -- source ------------------------------------------------------------------------------------ */
  /* Cut a line where colours or marks begin and end, and wrap each piece. */
  function paint(text, colours, marks, wrap) {
    const cuts = new Set([0, text.length]);
    for (let i = 0; i < colours.length; i += 3) { cuts.add(colours[i]); cuts.add(colours[i + 1]); }
    const edges = [...cuts].sort((a, b) => a - b).filter((cut) => cut <= text.length);
    const kindAt = (at) => { for (let i = 0; i < colours.length; i += 3) if (colours[i] <= at && at < colours[i + 1]) return colours[i + 2]; return null; };
    const piece = (from, to) => {
      const nodes = [];
      const inner = [from, ...edges.filter((cut) => cut > from && cut < to), to];
      for (let i = 0; i + 1 < inner.length; i += 1) {
        const part = text.slice(inner[i], inner[i + 1]), kind = kindAt(inner[i]);
        if (part) nodes.push(kind ? el("span", { class: kind }, part) : part);
      }
      return nodes;
    };
    const out = [];
    let done = 0;
    for (const [from, to] of marks) {
      out.push(...piece(done, from), el(wrap, {}, ...piece(from, to)));
      done = to;
    }
    out.push(...piece(done, text.length));
    return out;
  }

  function sourcePanel(finding) {
    const body = el("div", { class: "source" });
    const [loopStart, loopEnd] = finding.loop || [0, -1];
    let last = 0;
    for (const [start, end] of finding.shown) {
      if (last) body.append(el("div", { class: `gap${last < loopEnd && start > loopStart ? " in-loop" : ""}` }, `\u22ef ${plural(start - last - 1, "line")}`));
      for (let number = start; number <= end; number += 1) {
        const [text, colours = []] = finding.file.lines[number];
        const marks = finding.marks.filter((mark) => mark[0] === number).map((mark) => mark.slice(1));
        const inLoop = number >= loopStart && number <= loopEnd;
        body.append(el("div", { class: `${inLoop ? "in-loop" : ""}${marks.length ? " called" : ""}`, "data-line": number },
          el("span", { class: "no" }, numberIn(finding.file, number)), el("span", { class: "text" }, ...paint(text, colours, marks, "mark")),
          number === loopStart && el("span", { class: "note loop-note" }, "this loop"),
          number === finding.line && el("span", { class: `note ${tone(finding.code)}` }, finding.code),
          number !== finding.line && number !== loopStart && finding.named.includes(number) && el("span", { class: "note tone-none" }, "see message")));
      }
      last = end;
    }
    return el("section", { class: "panel", "aria-label": "Source" },
      el("header", {}, el("h2", {}, "Source"), el("div", { class: "legend" }, el("span", { class: "l-call" }, "the call"),
        finding.loop && el("span", { class: "l-loop" }, "the loop that does not change the path"))),
      el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Source lines" }, body));
  }

  /* Lines of other files that the message names. */
  function elsewherePanel(finding) {
    if (!finding.elsewhere.length) return [];
    return [panel("In other files", el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Lines of other files" },
      el("div", { class: "source" }, ...finding.elsewhere.map(([path, line, what, text, colours = []]) => el("div", {},
        el("span", { class: "far" }, `${path}:${line}`), el("span", { class: "text" }, ...paint(text, colours, [], "mark")),
        el("span", { class: "note tone-none" }, what))))))];
  }

  /* -- the edit, side by side --------------------------------------------------------------------- */
  const CONTEXT = 3;

  function editPanel(finding) {
    const header = el("header", {}, el("h2", {}, "Proposed edit"), el("span", {}, {
      safe: "flake8-saveimage fix makes it", unsafe: `only with --unsafe-fixes: ${finding.reason || "it may change what the program does"}`, none: "",
    }[finding.fixName]));
    const panel = el("section", { class: "panel", "aria-label": "Proposed edit" }, header);
    if (finding.edits.length) panel.append(diffTable(finding));
    else panel.append(el("p", { class: "aside" }, ...quoted(finding.fix ? "The edit is not part of this report: see `flake8-saveimage fix --diff`."
      : `No edit is proposed here${finding.reason && `: ${finding.reason}`}. Only the author knows what is intended. The rule below shows the usual remedies.`)));
    return panel;
  }

  function diffTable(finding) {
    const body = el("tbody", {});
    const line = (number) => finding.file.lines[number];
    const named = (number, moved = 0) => (finding.file.cells ? numberIn(finding.file, number) : number + moved);
    let next = 1, shift = 0;
    const same = (from, to) => {
      for (let number = from; number <= to; number += 1) {
        const shown = line(number);
        if (shown) body.append(diffRow(named(number), shown, named(number, shift), shown, "same"));
      }
    };
    finding.edits.forEach(([start, end, lines], index) => {
      const from = Math.max(next, start - CONTEXT);
      if (from > next && index) body.append(el("tr", { class: "gap" }, el("td", { colspan: 4 }, `\u22ef ${plural(from - next, "line")}`)));
      same(from, start - 1);
      for (let i = 0; i < Math.max(end - start, lines.length); i += 1) {
        const left = start + i < end ? line(start + i) : null, right = lines[i] || null;
        body.append(diffRow(left && named(start + i), left, right && named(start + i, shift), right, "changed"));
      }
      shift += lines.length - (end - start);
      next = end;
      const following = finding.edits[index + 1];
      const last = Math.min(next + CONTEXT - 1, following ? following[0] - 1 : Infinity);
      same(next, last);
      next = last + 1;
    });
    return el("table", { class: "diff" },
      el("colgroup", {}, el("col", { class: "n" }), el("col", {}), el("col", { class: "n" }), el("col", {})),
      el("thead", {}, el("tr", {}, el("th", { colspan: 2, scope: "colgroup" }, "Now"), el("th", { colspan: 2, scope: "colgroup" }, "Fixed"))), body);
  }

  function diffRow(leftNumber, left, rightNumber, right, kind) {
    const [from, leftTo, rightTo] = left && right && kind === "changed" ? difference(left[0], right[0]) : [0, 0, 0];
    const marked = (to) => (to > from ? [[from, to]] : []);
    const side = (number, shown, name, marks, wrap) => (shown
      ? [el("td", { class: `n ${name}` }, String(number)), el("td", { class: name }, ...paint(shown[0], shown[1] || [], marks, wrap))]
      : [el("td", { class: "n blank" }), el("td", { class: "blank" })]);
    return el("tr", {},
      ...side(leftNumber, left, kind === "changed" ? "removed" : "", marked(leftTo), "del"),
      ...side(rightNumber, right, kind === "changed" ? "added" : "same-right", marked(rightTo), "ins"));
  }

  /* What is left of two lines without the words that they begin and end with in common. */
  function difference(left, right) {
    const words = (text) => text.match(/\w+|\s+|[^\w\s]/gu) || [];
    const a = words(left), b = words(right);
    const length = (parts) => parts.reduce((sum, part) => sum + part.length, 0);
    let head = 0;
    while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
    let tail = 0;
    while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
    return [length(a.slice(0, head)), length(a.slice(0, a.length - tail)), length(b.slice(0, b.length - tail))];
  }

  /* -- the rule: the little Markdown that rules are documented in ----------------------------------- */
  function rulePanel(finding, rule) {
    const body = el("div", { class: "doc" });
    rule.doc.split(/^(```[\s\S]*?^```)/m).forEach((part) => {
      if (part.startsWith("```")) {
        body.append(el("pre", { tabindex: 0 }, el("code", {}, part.replace(/^```.*\n/, "").replace(/\n?```$/, ""))));
        return;
      }
      for (const block of part.split(/\n{2,}/).map((text) => text.trim()).filter(Boolean)) {
        const [first, ...rest] = block.split("\n");
        if (first.startsWith("## ")) {
          body.append(el("h3", {}, first.slice(3)));
          if (rest.length) body.append(el("p", {}, ...quoted2(rest.join(" "))));
        } else if (first.startsWith("- ")) {
          body.append(el("ul", {}, ...block.split(/\n(?=- )/).map((text) => el("li", {}, ...quoted2(text.slice(2).replace(/\s+/g, " "))))));
        } else body.append(el("p", {}, ...quoted2(block.replace(/\s+/g, " "))));
      }
    });
    return el("details", { class: "panel rule", open: !finding.edits.length },
      el("summary", {}, el("span", { class: `code ${tone(finding.code)}` }, finding.code), el("h2", {}, "About this rule")), body);
  }
  const quoted2 = (text) => text.split(/(`[^`]+`)/).map((part) => (/^`.+`$/.test(part) ? el("code", {}, part.slice(1, -1)) : part));

  /* -- actions ----------------------------------------------------------------------------------------- */
  function toggleReviewed() {
    const finding = state.chosen;
    if (!finding) return;
    if (!reviewed.delete(finding.key)) reviewed.add(finding.key);
    memory.set("reviewed", JSON.stringify([...reviewed]));
    drawn = null;
    draw();
    showSummary();
    const box = document.querySelector(".review input");
    if (box) box.checked = reviewed.has(finding.key);
  }

  function copyPlace() {
    if (state.chosen) copy(`${state.chosen.file.path}:${placeIn(state.chosen)}`);
  }

  async function copy(text) {
    try { await navigator.clipboard.writeText(text); toast(`Copied ${text}`); } catch { toast(text); }
  }

  let toastTimer;
  function toast(text) {
    byId("toast").textContent = text;
    byId("toast").hidden = false;
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => { byId("toast").hidden = true; }, 1800);
  }

  /* -- the address keeps what is shown ------------------------------------------------------------------ */
  function remember() {
    const parameters = new URLSearchParams();
    if (state.text) parameters.set("q", state.text);
    if (state.file) parameters.set("file", state.file);
    if (state.rules.size) parameters.set("rule", [...state.rules].join(","));
    if (state.fix) parameters.set("fix", state.fix);
    if (state.group !== "file") parameters.set("group", state.group);
    if (state.chosen) parameters.set("at", state.chosen.id);
    try { history.replaceState(null, "", `#${parameters}`); } catch { /* some browsers refuse for files */ }
  }

  function recall() {
    const parameters = new URLSearchParams(location.hash.slice(1));
    search.value = state.text = parameters.get("q") || "";
    fileInput.value = state.file = parameters.get("file") || "";
    state.rules = new Set((parameters.get("rule") || "").split(",").filter((code) => codes.includes(code)));
    state.fix = FIXES.some(([name]) => name === parameters.get("fix")) ? parameters.get("fix") : "";
    state.group = parameters.get("group") === "rule" ? "rule" : "file";
    state.chosen = findings.find((finding) => finding.id === parameters.get("at")) || null;
  }

  /* -- events --------------------------------------------------------------------------------------------- */
  const KEYS = {
    j: () => move(1), k: () => move(-1), "]": () => moveGroup(1), "[": () => moveGroup(-1),
    "/": () => { search.focus(); search.select(); }, "?": () => byId("help").showModal(),
    g: () => { state.group = state.group === "file" ? "rule" : "file"; apply(); },
    t: switchTheme, c: copyPlace, x: toggleReviewed, o: showOverview, Escape: clear,
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
    const typing = event.target.matches("input[type=search]");
    if (typing) {
      if (event.key === "Escape" || (event.key === "Enter" && event.target === search)) { event.preventDefault(); list.focus(); }
      return;
    }
    if (event.target === list && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      move(event.key === "ArrowDown" ? 1 : -1);
      return;
    }
    if (event.target === list && (event.key === "Home" || event.key === "End")) {
      event.preventDefault();
      if (visible.length) choose(visible[event.key === "Home" ? 0 : visible.length - 1]);
      return;
    }
    if (Object.hasOwn(KEYS, event.key)) { event.preventDefault(); KEYS[event.key](); }
  });
  list.addEventListener("scroll", () => requestAnimationFrame(draw), { passive: true });
  new ResizeObserver(() => draw()).observe(list);
  search.addEventListener("input", () => { state.text = search.value; apply(); });
  fileInput.addEventListener("input", () => { state.file = fileInput.value; apply(); });
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("clear").addEventListener("click", () => { clear(); list.focus(); });
  byId("theme").addEventListener("click", switchTheme);
  byId("home").addEventListener("click", showOverview);
  byId("help-button").addEventListener("click", () => byId("help").showModal());

  function showSummary() {
    const done = findings.filter((finding) => reviewed.has(finding.key)).length;
    const parts = [[findings.length, findings.length === 1 ? "finding" : "findings"], [data.files.length, data.files.length === 1 ? "file" : "files"],
      ...[[count("safe"), "with a safe fix"], [count("unsafe"), "with an unsafe fix"]].filter(([number]) => number), ...(data.errors.length ? [[data.errors.length, "not checked"]] : []), ...(done ? [[done, "reviewed"]] : [])];
    byId("summary").replaceChildren(...parts.flatMap(([number, noun], index) => [
      ...(index ? [el("span", { class: "dot" }, "\u00b7")] : []), el("b", {}, number.toLocaleString("en")), ` ${noun}`]));
  }

  showSummary();
  byId("paths").append(...data.files.slice(0, 2000).map((file) => el("option", { value: file.path })));
  recall();
  apply();
})();
