'use strict';
/* Labels pictures; what is done is kept in the browser and saved as CSV. */
(function () {
	const data = JSON.parse(document.getElementById('data').textContent);
	const pictures = data.pictures;
	const storeName = 'visclf labels ' + data.id;
	const element = id => document.getElementById(id);
	/* Keys of classes: digits, then letters that are no command */
	const classKeys = [...'1234567890abcdefhijklmnopqrtvwy'];
	let state = { answers: {}, history: [], at: 0, labeller: '' };
	let chosen = new Set();

	function load() {
		try {
			const kept = JSON.parse(localStorage.getItem(storeName));
			if (kept && typeof kept.answers === 'object' && Array.isArray(kept.history))
				state = kept;
		} catch (e) {
			element('warning').hidden = false;
		}
		state.at = Math.min(Math.max(0, state.at | 0), pictures.length);
	}

	function keep() {
		try {
			localStorage.setItem(storeName, JSON.stringify(state));
		} catch (e) {
			element('warning').hidden = false;
		}
	}

	const answerOf = key => Object.prototype.hasOwnProperty.call(state.answers, key) ? state.answers[key] : null;
	const done = () => pictures.filter(p => answerOf(p.key)).length;

	function make(tag, text, parent) {
		const made = document.createElement(tag);
		if (text !== undefined)
			made.textContent = text;
		if (parent)
			parent.append(made);
		return made;
	}

	/* Text of unknown direction */
	const name = (text, parent) => make('bdi', text, parent);

	function say(text) {
		element('said').textContent = text;
	}

	function showPicture(p) {
		const frame = element('picture');
		frame.replaceChildren();
		if (!p.image) {
			make('p', 'No picture: ' + p.error, frame);
			return;
		}
		const image = make('img', undefined, frame);
		image.src = p.image;
		image.alt = 'Picture ' + (state.at + 1) + ', key ' + p.key;
		image.addEventListener('click', enlarge);
	}

	function showGuess(p) {
		const guess = element('guess');
		guess.hidden = !p.guess;
		guess.replaceChildren();
		if (!p.guess)
			return;
		guess.append('The model says: ');
		name(p.guess.label, guess);
		guess.append(', ' + Math.round(100 * p.guess.confidence) + ' %');
	}

	function show() {
		const over = state.at >= pictures.length;
		const count = done();
		element('progress').value = count;
		element('count').textContent = count + ' of ' + pictures.length + ' labelled';
		for (const id of ['picture', 'side'])
			element(id).hidden = over;
		element('end').hidden = !over;
		element('undo').disabled = element('undo2').disabled = state.history.length === 0;
		if (over) {
			const left = pictures.length - count;
			element('left').textContent = left === 0 ? 'All pictures are labelled.' : left + (left === 1 ? ' picture is' : ' pictures are') + ' skipped.';
			element('again').hidden = left === 0;
			return;
		}
		const p = pictures[state.at];
		const answer = answerOf(p.key);
		chosen = new Set(answer && answer.labels ? answer.labels : []);
		showPicture(p);
		showGuess(p);
		const about = element('about');
		about.replaceChildren('Picture ' + (state.at + 1) + ' of ' + pictures.length + ', key ');
		name(p.key, about);
		showChosen(answer);
		element('csv').value = csv();
	}

	function showChosen(answer) {
		element('classes').querySelectorAll('button').forEach((button, i) =>
			button.setAttribute('aria-pressed', chosen.has(data.classes[i])));
		element('unknown').setAttribute('aria-pressed', Boolean(answer && answer.labels === null));
	}

	/* The next picture without an answer, from the one after this on; the end where there is none */
	function next() {
		state.at++;
		while (state.at < pictures.length && answerOf(pictures[state.at].key))
			state.at++;
	}

	function answer(labels) {
		const p = pictures[state.at];
		if (!p)
			return;
		state.history.push({ key: p.key, before: answerOf(p.key) });
		state.answers[p.key] = { labels: labels, time: new Date().toISOString() };
		next();
		keep();
		show();
		say((labels === null ? 'cannot tell' : labels.join(', ') || 'none') + '. ' + place());
	}

	const place = () => state.at < pictures.length ? 'Picture ' + (state.at + 1) + ' of ' + pictures.length : 'The end';

	function choose(i) {
		if (state.at >= pictures.length)
			return;
		const label = data.classes[i];
		if (!data.multiple) {
			answer([label]);
			return;
		}
		if (!chosen.delete(label))
			chosen.add(label);
		showChosen(null);
		say(label + (chosen.has(label) ? ' on' : ' off'));
	}

	function confirm() {
		answer(data.classes.filter(label => chosen.has(label)));
	}

	function undo() {
		const last = state.history.pop();
		if (!last)
			return;
		if (last.before)
			state.answers[last.key] = last.before;
		else
			delete state.answers[last.key];
		state.at = pictures.findIndex(p => p.key === last.key);
		keep();
		show();
		say('undone. ' + place());
	}

	function move(by) {
		state.at = Math.min(Math.max(0, state.at + by), pictures.length);
		keep();
		show();
		say(place());
	}

	function firstLeft() {
		state.at = -1;
		next();
		keep();
		show();
		say(place());
	}

	function enlarge() {
		const large = element('large');
		const image = element('picture').querySelector('img');
		if (!large.hidden || !image) {
			large.hidden = true;
			return;
		}
		large.replaceChildren(image.cloneNode());
		large.hidden = false;
		large.focus();
	}

	const quoted = value => '"' + String(value).replaceAll('"', '""') + '"';
	const arrayText = labels => '{' + labels.map(l => '"' + l.replace(/["\\]/g, '\\$&') + '"').join(',') + '}';

	/* source,key,label,labeller,time: an empty label is "cannot tell"; labels are arrays as PostgreSQL reads them */
	function csv() {
		const lines = ['source,key,' + (data.multiple ? 'labels' : 'label') + ',labeller,time'];
		for (const p of pictures) {
			const a = answerOf(p.key);
			if (a)
				lines.push([quoted(data.source), quoted(p.key), a.labels === null ? '' : quoted(data.multiple ? arrayText(a.labels) : a.labels[0]),
					quoted(state.labeller || 'unnamed'), quoted(a.time)].join(','));
		}
		return lines.join('\r\n') + '\r\n';
	}

	function save() {
		const link = document.createElement('a');
		link.href = URL.createObjectURL(new Blob([csv()], { type: 'text/csv' }));
		link.download = 'labels-' + (state.labeller || 'unnamed').replace(/[^\p{L}\p{N}]+/gu, '-') + '.csv';
		link.click();
		setTimeout(() => URL.revokeObjectURL(link.href), 10000);
		say(done() + ' labels saved');
	}

	function onKey(event) {
		if (event.ctrlKey || event.altKey || event.metaKey || ['INPUT', 'TEXTAREA'].includes(event.target.tagName))
			return;
		const commands = { u: undo, Backspace: undo, s: () => move(1), ArrowRight: () => move(1), ArrowLeft: () => move(-1),
			x: () => answer(null), '?': () => answer(null), z: enlarge, Escape: () => { element('large').hidden = true; } };
		const i = classKeys.indexOf(event.key.toLowerCase());
		if (event.key === 'Enter' && data.multiple && !event.target.matches('button:focus-visible'))
			confirm();
		else if (i >= 0 && i < data.classes.length)
			choose(i);
		else if (Object.prototype.hasOwnProperty.call(commands, event.key))
			commands[event.key]();
		else
			return;
		event.preventDefault();
	}

	function makeClasses() {
		data.classes.forEach((label, i) => {
			const button = make('button', undefined, element('classes'));
			button.type = 'button';
			if (classKeys[i]) {
				make('kbd', classKeys[i], button).setAttribute('aria-hidden', 'true');
				button.setAttribute('aria-keyshortcuts', classKeys[i]);
			}
			name(label, button);
			button.addEventListener('click', () => choose(i));
		});
	}

	function start() {
		load();
		makeClasses();
		element('progress').max = pictures.length;
		element('labeller').value = state.labeller;
		element('labeller').addEventListener('input', event => {
			state.labeller = event.target.value.trim();
			keep();
			element('csv').value = csv();
		});
		element('confirm').hidden = !data.multiple;
		const clicks = { confirm: confirm, unknown: () => answer(null), skip: () => move(1), undo: undo, undo2: undo, back: () => move(-1),
			zoom: enlarge, large: enlarge, save: save, save2: save, again: firstLeft };
		for (const id in clicks)
			element(id).addEventListener('click', clicks[id]);
		document.addEventListener('keydown', onKey);
		show();
	}

	start();
})();
