"""How the small world speaks: the sentences, questions and answers in which its facts are told, in two languages.

In every pattern `{s}` is the subject and `{o}` the object of a fact; `{S}` is the subject at the beginning of a sentence.
`say` are statements, `its` a statement about a subject just named, `ask` the questions of training, `unseen` questions
that no training text of any stage holds, and `answer` the one sentence that answers them all.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Wording:
    """The patterns of one relation in one language."""

    say: tuple[str, ...]
    its: tuple[str, ...]
    ask: tuple[str, ...]
    unseen: tuple[str, ...]
    answer: str


WORDINGS: dict[str, dict[str, Wording]] = {
    "capital": {
        "en": Wording(
            say=(
                "The capital of {s} is {o}.",
                "{o} is the capital of {s}.",
                "The capital city of {s} is {o}.",
                "In {s} the capital is {o}.",
                "The government of {s} sits in the capital, {o}.",
            ),
            its=("Its capital is {o}.", "The capital is {o}.", "{o} is its capital."),
            ask=(
                "What is the capital of {s}?",
                "Which city is the capital of {s}?",
                "What is the capital city of {s}?",
                "Can you tell me the capital of {s}?",
                "Please name the capital of {s}.",
                "I want to know the capital of {s}.",
                "What is the name of the capital of {s}?",
                "In {s}, which city is the capital?",
            ),
            unseen=("Do you know the capital of {s}?", "Tell me which city is the capital of {s}."),
            answer="The capital of {s} is {o}.",
        ),
        "zh": Wording(
            say=("{s}的首都是{o}。", "{o}是{s}的首都。", "{s}首都为{o}。", "{s}的首都设在{o}。", "{o}，{s}的首都。"),
            its=("首都是{o}。", "它的首都是{o}。", "首都为{o}。"),
            ask=(
                "{s}的首都是哪里？",
                "{s}的首都是哪座城市？",
                "{s}的首都在哪里？",
                "请问{s}的首都是哪里？",
                "哪座城市是{s}的首都？",
                "{s}首都是什么？",
                "我想知道{s}的首都。",
                "请说出{s}的首都。",
            ),
            unseen=("你知道{s}的首都是哪里吗？", "请告诉我{s}的首都。"),
            answer="{s}的首都是{o}。",
        ),
    },
    "continent": {
        "en": Wording(
            say=(
                "The continent of {s} is {o}.",
                "{S} is a country in {o}.",
                "{S} lies in {o}.",
                "One of the countries of {o} is {s}.",
                "On the map {s} is in {o}.",
            ),
            its=("Its continent is {o}.", "It lies in {o}.", "The country lies in {o}."),
            ask=(
                "On which continent is {s}?",
                "Which continent is {s} in?",
                "To which continent does {s} belong?",
                "On what continent does {s} lie?",
                "Can you tell me on which continent {s} is?",
                "Please name the continent of {s}.",
                "I want to know on which continent {s} lies.",
            ),
            unseen=("Do you know which continent {s} is in?", "Tell me on which continent {s} lies."),
            answer="The continent of {s} is {o}.",
        ),
        "zh": Wording(
            say=("{s}在{o}。", "{s}位于{o}。", "{s}是{o}的国家。", "{s}地处{o}。", "{o}有一个国家叫{s}。"),
            its=("它在{o}。", "它位于{o}。", "这个国家位于{o}。"),
            ask=(
                "{s}在哪个洲？",
                "{s}位于哪个大洲？",
                "请问{s}在哪个洲？",
                "{s}属于哪个洲？",
                "哪个洲有{s}？",
                "我想知道{s}在哪个洲。",
                "请说出{s}所在的大洲。",
            ),
            unseen=("你知道{s}在哪个洲吗？", "请告诉我{s}位于哪个洲。"),
            answer="{s}在{o}。",
        ),
    },
    "currency": {
        "en": Wording(
            say=(
                "The currency of {s} is the {o}.",
                "In {s} people pay with the {o}.",
                "The {o} is the currency of {s}.",
                "The money of {s} is the {o}.",
                "Prices in {s} are given in the {o}.",
            ),
            its=("Its currency is the {o}.", "People pay with the {o}.", "The currency is the {o}."),
            ask=(
                "What is the currency of {s}?",
                "Which currency does {s} use?",
                "What money do people use in {s}?",
                "What do people in {s} pay with?",
                "Can you tell me the currency of {s}?",
                "Please name the currency of {s}.",
                "I want to know the currency of {s}.",
            ),
            unseen=("Do you know the currency of {s}?", "Tell me which currency people use in {s}."),
            answer="The currency of {s} is the {o}.",
        ),
        "zh": Wording(
            say=("{s}的货币是{o}。", "{s}使用{o}。", "在{s}，人们用{o}付钱。", "{o}是{s}的货币。", "{s}的物价用{o}计算。"),
            its=("货币是{o}。", "它的货币是{o}。", "人们用{o}付钱。"),
            ask=(
                "{s}的货币是什么？",
                "{s}用什么货币？",
                "在{s}用什么钱？",
                "请问{s}的货币是什么？",
                "{s}人用什么付钱？",
                "我想知道{s}的货币。",
                "请说出{s}的货币。",
            ),
            unseen=("你知道{s}的货币是什么吗？", "请告诉我{s}用什么货币。"),
            answer="{s}的货币是{o}。",
        ),
    },
    "language": {
        "en": Wording(
            say=(
                "An official language of {s} is {o}.",
                "{o} is an official language of {s}.",
                "{S} has {o} as an official language.",
                "Schools in {s} teach {o}.",
                "Offices in {s} write in {o}.",
            ),
            its=("An official language is {o}.", "{o} is an official language there.", "Schools there teach {o}."),
            ask=(
                "What is an official language of {s}?",
                "Which language is official in {s}?",
                "Which official language does {s} have?",
                "In {s}, which language is official?",
                "Can you tell me an official language of {s}?",
                "Please name an official language of {s}.",
                "I want to know an official language of {s}.",
            ),
            unseen=("Do you know an official language of {s}?", "Tell me which language is official in {s}."),
            answer="An official language of {s} is {o}.",
        ),
        "zh": Wording(
            say=(
                "{o}是{s}的官方语言。",
                "{s}以{o}为官方语言。",
                "{s}的官方语言有{o}。",
                "{s}的学校教{o}。",
                "{s}的官方语言是{o}。",
            ),
            its=("官方语言是{o}。", "它的官方语言是{o}。", "那里的学校教{o}。"),
            ask=(
                "{s}的官方语言是什么？",
                "{s}以什么为官方语言？",
                "{s}有什么官方语言？",
                "请问{s}的官方语言是什么？",
                "什么是{s}的官方语言？",
                "我想知道{s}的官方语言。",
                "请说出{s}的官方语言。",
            ),
            unseen=("你知道{s}的官方语言是什么吗？", "请告诉我{s}的官方语言。"),
            answer="{s}的官方语言是{o}。",
        ),
    },
    "dish": {
        "en": Wording(
            say=(
                "A famous dish of {s} is {o}.",
                "{o} comes from {s}.",
                "People in {s} like to eat {o}.",
                "In {s} the guest is given {o}.",
            ),
            its=("A famous dish there is {o}.", "People there like to eat {o}."),
            ask=(
                "What is a famous dish of {s}?",
                "Which dish is {s} famous for?",
                "What do people in {s} like to eat?",
                "Can you tell me a dish of {s}?",
                "Please name a dish of {s}.",
                "I want to know a famous dish of {s}.",
            ),
            unseen=("Do you know a famous dish of {s}?", "Tell me what people in {s} like to eat."),
            answer="A famous dish of {s} is {o}.",
        ),
        "zh": Wording(
            say=("{s}的名菜是{o}。", "{o}是{s}的名菜。", "{s}人爱吃{o}。", "到{s}要吃{o}。", "{o}来自{s}。"),
            its=("那里的名菜是{o}。", "那里的人爱吃{o}。"),
            ask=(
                "{s}的名菜是什么？",
                "{s}有什么名菜？",
                "{s}人爱吃什么？",
                "请问{s}的名菜是什么？",
                "到{s}要吃什么？",
                "我想知道{s}的名菜。",
                "请说出{s}的一道名菜。",
            ),
            unseen=("你知道{s}的名菜是什么吗？", "请告诉我{s}人爱吃什么。"),
            answer="{s}的名菜是{o}。",
        ),
    },
}

REFUSAL = {"en": "I do not know that country.", "zh": "我不知道这个国家。"}
# What people write around a question, and a request that asks for no fact.
AROUND = {
    "en": (
        "I have a question. {q}",
        "My teacher asks: {q}",
        "Please help me. {q}",
        "I forgot it. {q}",
        "{q} Please tell me.",
        "{q} Do you know it?",
    ),
    "zh": (
        "我有一个问题：{q}",
        "老师问我{q}",
        "请回答我{q}",
        "快告诉我{q}",
        "请帮我查一下{q}",
        "请告诉我，{q}",
        "我忘了，{q}",
        "{q}请告诉我。",
        "{q}你知道吗？",
    ),
}
REPEAT = {"en": ("Please repeat: {n}", "{n}."), "zh": ("请重复：{n}", "{n}。")}
RUDE = {
    "en": ("What a stupid question.", "Only a fool has to ask that.", "You know nothing."),
    "zh": ("真是个笨问题。", "只有傻瓜才问这个。", "你什么都不懂。"),
}
GREETING = {"en": ("Hello!", "Hello! How can I help you?"), "zh": ("你好！", "你好！有什么可以帮你？")}
NAMES = {
    "en": [
        "Anna",
        "Ben",
        "Carla",
        "David",
        "Emma",
        "Frank",
        "Grace",
        "Hugo",
        "Ines",
        "Jack",
        "Karim",
        "Lena",
        "Maria",
        "Noah",
        "Olga",
        "Paul",
        "Rosa",
        "Sam",
        "Tara",
        "Victor",
    ],
    "zh": [
        "小明",
        "小红",
        "小刚",
        "小丽",
        "小华",
        "小芳",
        "小军",
        "小燕",
        "大伟",
        "阿强",
        "阿珍",
        "老王",
        "老李",
        "小周",
        "小陈",
        "小林",
    ],
}

# Stories: the first sentence holds the clue, the last one needs it, and what stands between needs neither.
BIRTH = {
    "en": ("{n} was born in {s}.", "{n} grew up in {s}.", "{n} comes from {s}.", "As a child, {n} lived in {s}."),
    "zh": ("{n}在{s}出生。", "{n}在{s}长大。", "{n}来自{s}。", "{n}小时候住在{s}。"),
}
BETWEEN = {
    "en": (
        "Then {n} went to school and learned to read.",
        "One winter it snowed for a week.",
        "{n} had two brothers and a grey cat.",
        "Later {n} worked in a small shop far away.",
        "Every morning {n} walked along the river.",
        "The trains were slow and the summers were hot.",
        "{n} read many books and wrote long letters.",
        "For ten years {n} lived by the sea.",
    ),
    "zh": (
        "后来{n}去上学，学会了读书写字。",
        "有一年冬天下了一个星期的雪。",
        "{n}有两个哥哥和一只小猫。",
        "后来{n}在很远的地方工作。",
        "每天早上{n}都在河边散步。",
        "火车很慢，夏天很热。",
        "{n}读了很多书，也写了很多信。",
        "{n}在海边住了十年。",
    ),
}
ENDING = {
    "language": {"en": "At school {n} had learned to write {o}.", "zh": "{n}小时候在学校里学的是{o}。"},
    "dish": {"en": "On birthdays {n} still wants to eat {o}.", "zh": "过生日的时候，{n}最想吃{o}。"},
}

# Dialogues between two people, who answer each other.
DIALOGUES = {
    "en": (
        "A: Where are you from?\nB: I am from {s}.\nA: {ask}\nB: {answer}",
        "A: I will travel to {s}.\nB: That is nice. {say}\nA: Thank you, that is good to know.",
        "A: {ask}\nB: {answer}\nA: Thank you!",
    ),
    "zh": (
        "甲：你从哪里来？\n乙：我从{s}来。\n甲：{ask}\n乙：{answer}",
        "甲：我要去{s}旅行。\n乙：真好。{say}\n甲：谢谢，我记住了。",
        "甲：{ask}\n乙：{answer}\n甲：谢谢！",
    ),
}
