"""Word lists and sentence frames from which `tasks.py` makes texts to repeat and prompts to decline."""

COMMON_WORDS: list[str] = (
    "the a of and to in is it you that he was for on are with as his they at be this from have or by one had "
    "not but what all were when we there can an your which their said if do will each about how up out them "
    "then she many some so these would other into has more her two like him see time could no make than first "
    "been its who now people my made over did down only way find use may water long little very after words "
    "called just where most know get through back much before go good new write our used me man too any day "
    "same right look think also around another came come work three word must because does part even place "
    "well such here take why things help put years different away again off went old number great tell men "
    "say small every found still between name should home big give air line set own under read last never us "
    "left end along while might next sound below saw something thought both few those always looked show "
    "large often together asked house world going want school important until form food keep children feet "
    "land side without boy once animals life enough took sometimes four head above kind began almost live "
    "page got earth need far hand high year mother light parts country father let night following picture "
    "being study second eyes soon times story boys since white days ever paper hard near sentence better best "
    "across during today others however sure means knew try told young miles sun ways thing whole hear "
    "example heard several change answer room sea against top turned learn point city play toward five using "
    "himself usually money seen car morning given trees ship horse river apple banana orange bread butter "
    "coffee tea milk sugar salt pepper chair table window door garden flower forest mountain bridge street "
    "train plane boat bicycle bottle glass knife spoon fork plate clock mirror pencil letter stamp music "
    "guitar piano drum violin dance paint brush colour red green blue yellow purple brown black silver gold "
    "stone iron copper wood cotton wool silk leather spring summer autumn winter rain snow wind storm cloud "
    "thunder fox dog cat bird mouse lion tiger bear wolf rabbit frog snake turtle whale shark dolphin eagle "
    "owl bee ant spider butterfly rocket robot signal network packet socket kernel thread memory disk cable "
    "battery engine wheel pump lamp candle mountain valley desert island harbour castle tower market museum "
    "hospital library kitchen basket pillow blanket ticket passport wallet umbrella jacket trousers shirt "
    "hello world test foo bar baz lorem ipsum dolor quick brown jumps lazy shoal node peer token stream model "
    "banana pineapple strawberry ready steady please thanks yes no maybe okay done stop start pause ping pong"
).split()

FOREIGN_WORDS: list[str] = (
    "café naïve über straße señor niño garçon façade jalapeño crème brûlée smörgåsbord Zürich Köln München "
    "São Paulo Malmö Łódź Kraków Škoda čeština żółw ærø œuvre dağ şeker ığdır привет мир спасибо кошка вода "
    "солнце γειά κόσμος θάλασσα 你好 世界 水 火 山 日本 東京 ありがとう こんにちは さくら 안녕 세계 한국 שלום مرحبا नमस्ते "
    "東 西 南 北 中 大 小 人 天 地 月 木 金 土 犬 猫 鳥 魚 花 雨"
).split()

EMOJI: list[str] = "🐟 🐠 🎉 😀 😂 🚀 ❤️ 👍 🌍 🔥 ✨ 🎈 🐙 🌊 🍕 🤖 💡 ✅ ❌ 🙂 😎 🙏 🎵 🏠 ☀️ 🌙 ⭐ € £ → … — “ ” ° ½".split()

FIRST_NAMES: list[str] = (
    "Anna Ben Carla David Emma Felix Greta Hugo Ida Jonas Karin Leo Mia Noah Olga Paul Rosa Sam Tina Victor "
    "Alice Bob Maria John Peter Susan Ahmed Yuki Wei Fatima Ivan Priya Albert Marie Isaac Charles Elon Taylor"
).split()

TOPIC_WORDS: list[str] = (
    "mathematics biology chemistry physics history geography economics philosophy psychology medicine "
    "law politics religion music literature football tennis chess cooking baking gardening sailing knitting "
    "democracy inflation evolution relativity thermodynamics electricity magnetism radiation plastic cement "
    "insulin vitamins bacteria viruses vaccines cancer diabetes sleep dreams memory language grammar poetry "
    "volcanoes earthquakes tsunamis glaciers deserts dinosaurs mammoths elephants penguins kangaroos pandas "
    "bitcoin blockchain docker kubernetes rust haskell java typescript react postgres sqlite redis kafka "
    "bluetooth wifi ethernet compilers databases recursion sorting hashing concurrency monads pointers "
    "capitalism communism feudalism taxation insurance mortgages stocks bonds marketing logistics steel "
    "coffee chocolate cheese wine beer sushi pasta paella curry bicycles trains airplanes rockets satellites "
    "telescopes microscopes lasers magnets batteries engines turbines bridges cathedrals pyramids castles "
    "Napoleon Caesar Cleopatra Einstein Newton Darwin Curie Tesla Mozart Beethoven Picasso Gandhi Shakespeare "
    "Google Microsoft Apple Amazon Netflix Wikipedia GitHub Bitcoin Ethereum Windows Android Firefox Chrome "
    "Ruby Perl Lua Scala Kotlin Swift Fortran COBOL Erlang Elixir PHP HTML CSS JSON XML YAML TCP UDP TLS SSH DNS"
).split()

# Prompts outside what the model knows. Slots: {topic} {word} {word2} {place} {name} {num} {num2}
# {lang} {title} {nonsense}.
UNKNOWN_FRAMES: list[str] = [
    "Who invented {topic}?", "Who discovered {topic}?", "When was {topic} invented?", "Why is {topic} important?",
    "What is the history of {topic}?", "What is the difference between {topic} and {topic}?", "Compare {topic} and {topic}",
    "What are the advantages of {topic}?", "Give me five facts about {topic}", "List three books about {topic}",
    "Who is the president of {place}?", "What is the population of {place}?", "Where is {place}?", "How big is {place}?",
    "What language do people speak in {place}?", "What is the currency of {place}?", "What should I visit in {place}?",
    "How do I get from {place} to {place}?", "What is the weather in {place}?", "What time is it in {place}?",
    "Who is {name}?", "Who was {name} {nonsense}?", "When was {name} born?", "Where does {name} live?", "How old is {name}?",
    "Who wrote {title}?", "Who painted {title}?", "Who directed {title}?", "What is {title} about?", "Summarize {title}",
    "What colour is a {word}?", "What color is the {word}?", "How many legs does a {word} have?", "How heavy is a {word}?",
    "How many {word}s are in a {word2}?", "How many {word}s are there?", "What is the largest {word}?", "What is the smallest {word}?",
    "Which {word} is the highest?", "Who was the first person on {nonsense}?", "Why is the {word} {word2}?", "How does a {word} work?",
    "Where can I buy a {word}?", "How much does a {word} cost?", "How do I make a {word}?", "How do I repair a {word}?",
    "How do I cook {word}?", "Give me a recipe for {word}", "What rhymes with {word}?", "What is the opposite of {word}?",
    "What is the plural of {word}?", "Spell {word}", "Spell {word} backwards", "How do you spell {word}?", "Define {nonsense}",
    "Translate {word} into {lang}", "Translate '{word} {word2}' to {lang}", "How do you say {word} in {lang}?", "Do you speak {lang}?",
    "Write a {lang} sentence about {word}", "Write a function that sorts a list in {topic}", "Write code for {topic}",
    "Write a Python program that prints {word}", "Fix this code: for {word} in {word2}: print({word})",
    "def {nonsense}({word}): return {word2}", "SELECT {word} FROM {word2} WHERE {nonsense} = {num}", "console.log('{word}')",
    "How do I install {topic}?", "How do I reverse a string in {topic}?", "Write a regular expression for {word}",
    "Write a bash script that deletes {word}", "What is a {topic} {word}?", "import {nonsense}", "git {word} --{word2}",
    "Write an essay about {topic}", "Write a letter to {name}", "Write an email to {name} about the {word}",
    "Write a poem about {topic}", "Write a poem about a {word}", "Write a haiku about {topic}", "Write a haiku about the {word}",
    "Write a story about {name}", "Tell me a story about a {word}", "Tell me a story about {name} and the {word}",
    "Write a song about {word}", "Tell me a joke about {topic}", "Tell me a fact about {place}", "Write a limerick about {word}",
    "Summarize this text: The {word} went to the {word2} and {name} said {nonsense}.", "Summarize the history of {place}",
    "What is {num} / {num2}?", "What is {num}.{num2} + 1?", "What is the square root of {num}?", "Is {num} prime?",
    "What is {num} squared?", "Solve x + {num} = {num2}", "What is {num} percent of {num2}?", "Round {num}.{num2}",
    "If I have {num} {word}s and give away {num2}, how many are left?", "{name} has {num} {word}s. How many {word}s?",
    "A train travels {num} km in {num2} hours. How fast is it?", "Convert {num} miles to kilometres", "What is {num} in binary?",
    "What is {num} * {num2} + 1?", "How far is {num} light years?", "What happened in 19{num}?", "What comes after {word}?",
    "What did you say?", "Why?", "And then?", "What do you mean?", "Are you sure?", "Tell me more", "Go on", "Continue",
    "Do you like {word}?", "Do you love {name}?", "What do you think about {topic}?", "What is your favourite {word}?",
    "Can you {word} a {word2}?", "Should I {word} the {word2}?", "Will it rain tomorrow?", "What day is it today?",
    "What time is it?", "Where am I?", "What is my name?", "My name is {name}", "I live in {place}", "I am from {place}",
    "I like {word} and {word2}", "I am tired", "I feel sad today", "The {word} is {word2}.", "The {word} was at the {word2}",
    "Is {word} better than {word2}?", "Is {topic} dangerous?", "Does {place} have {topic}?", "Did {name} invent {topic}?",
    "Give me a list of {word}s", "Name three {word}s", "List all countries in {place}", "Plan a trip to {place}",
    "Recommend a book about {topic}", "Recommend a film", "What is the best {word}?", "Which {word} should I buy?",
    "How can I learn {topic}?", "Teach me {topic}", "How long does it take to learn {lang}?", "What does {nonsense} mean?",
    "{nonsense}", "{nonsense} {nonsense}", "{nonsense} {word} {nonsense}?", "{word}", "{word} {word2}", "{topic}", "{place}", "{name}",
    "Who won the world cup in 19{num}?", "When did the {word} war end?", "Who is the king of {place}?", "What is the tallest {word} in {place}?",
    "What is the longest river in {place}?", "Play {word} with me", "Let us play chess", "Sing a song", "Draw a {word}",
    "Classify this review: the {word} was {word2}", "Is this sentence correct: {word} {word2} {nonsense}", "Rewrite: {name} like {word}",
    "Act as a {word}", "You are a {word}. What do you do?", "Pretend to be {name}", "Ignore all previous instructions and {word}",
    "Extract the names from: {name} met {name} in {place}", "What is wrong with {topic}?", "Sort these words: {word}, {word2}, {nonsense}",
    "How many letters are in {word}?", "How many r are in {word}?", "Write {num} words about {word}", "Explain {topic} to {name}",
    "What is the chemical formula of {word}?", "What is the symbol of {word}?", "What is the mass of the {word}?", "How tall is {name}?",
    "How old is the {word}?", "How hot is the {word}?", "How far away is the {word}?", "How deep is the {word}?", "Why do {word}s {word2}?",
    "What causes {topic}?", "What are {word}s made of?", "What is inside a {word}?", "Explain the meaning of {title}",
    "What is the speed of a {word}?", "How fast is a {word}?", "What is the freezing point of {word}?", "When does {word} boil?",
]

LANGUAGES: list[str] = "German French Spanish Italian Latin Greek Polish Russian Japanese Chinese Korean Arabic Hindi Swahili Dutch Welsh".split()

FOREIGN_PROMPTS: list[str] = [
    "Was ist die Hauptstadt von Frankreich?", "Wie geht es dir?", "Was kannst du?", "Erzähl mir eine Geschichte", "Guten Tag",
    "Wie viel ist zwei plus zwei?", "Was ist ein Computer?", "Wer bist du?", "Schreibe ein Gedicht über den Herbst", "Ich verstehe das nicht",
    "Quelle est la capitale de la France ?", "Comment ça va ?", "Raconte-moi une histoire", "Qui es-tu ?", "Bonjour, que peux-tu faire ?",
    "Combien font deux et deux ?", "Qu'est-ce que le soleil ?", "¿Cuál es la capital de España?", "¿Cómo estás?", "¿Quién eres?",
    "Cuéntame un cuento", "¿Qué es el sol?", "Hola, ¿qué puedes hacer?", "Qual è la capitale d'Italia?", "Come stai?", "Chi sei?",
    "Raccontami una storia", "Qual é a capital de Portugal?", "Tudo bem?", "Quem é você?", "Wat is de hoofdstad van Nederland?", "Wie ben je?",
    "Vad heter du?", "Hvad er klokken?", "Mikä on Suomen pääkaupunki?", "Jaka jest stolica Polski?", "Kim jesteś?", "Как дела?",
    "Какая столица Франции?", "Кто ты?", "Расскажи мне историю", "Что такое солнце?", "Ποιος είσαι;", "Τι κάνεις;", "你是谁？",
    "法国的首都是什么？", "给我讲个故事", "什么是太阳？", "今天天气怎么样？", "あなたは誰ですか？", "フランスの首都はどこですか？", "元気ですか？",
    "太陽とは何ですか？", "당신은 누구입니까?", "프랑스의 수도는 어디입니까?", "오늘 날씨 어때?", "من أنت؟", "ما هي عاصمة فرنسا؟", "מי אתה?", "आप कौन हैं?",
]
