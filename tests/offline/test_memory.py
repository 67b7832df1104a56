"""What the user said comes back, and nothing else does."""

from __future__ import annotations

import pytest
from offline_tools import UNKNOWN, check, talk

CONVERSATIONS: list[tuple[tuple[str, ...], str]] = [
    # Names.
    (("My name is Alice", "What's my name?"), "Your name is Alice."),
    (("My name is Alice", "whats my name"), "Your name is Alice."),
    (("My name is Alice", "WHAT IS MY NAME"), "Your name is Alice."),
    (("My name\u2019s Alice.", "What\u2019s my name?"), "Your name is Alice."),
    (("My name is Alice", "Do you remember what my name is?"), "Your name is Alice."),
    (("My name is Alice", "Could you tell me my name please"), "Your name is Alice."),
    (("My name is Alice", "I forgot my name."), "Your name is Alice."),
    (("Call me Bob", "who am I?"), "Your name is Bob."),
    (("You can call me Al.", "What am I called?"), "Your name is Al."),
    (("Hi there, I'm Zoë.", "Who am I?"), "You are Zoë."),
    (("im bob", "whats my name"), "You are bob."),
    (("Everyone calls me Al.", "What is my name?"), "Your name is Al."),
    (("I'm a cook named Tom.", "Who am I?"), "You are a cook named Tom."),
    (("Hi, this is Alice", "Who am I?"), "Your name is Alice."),
    (("I'm Alice. This is Bob.", "Who am I?"), "You are Alice."),
    (("I told you my name is Al", "whats my nmae"), "Your name is Al."),
    (("I'm Max by the way", "say my name"), "You are Max."),
    (("I'm married to Sam", "Who am I married to?"), "You are married to Sam."),
    (("My name is Alice, not Bob.", "Who am I?"), "Your name is Alice."),
    (("My sister's name is Eve", "What's my name?"), UNKNOWN),
    (("I am Norwegian", "What's my name?"), UNKNOWN),
    (("I am tired", "Who am I?"), UNKNOWN),
    # Corrections: the latest wins.
    (("My name is Alice", "Actually, my name is Carol", "What's my name?"), "Your name is Carol."),
    (("My name is Alice", "What's my name?", "No, it's Carol"), "Noted: your name is Carol."),
    (("My name is Alice", "No, it's Carol", "Who am I?"), "Your name is Carol."),
    (("My name is Alice", "Wrong! It's Carol.", "Who am I?"), "Your name is Carol."),
    (("I'm 30", "No, 32", "How old am I?"), "You are 32."),
    (("I live in Oslo", "Sorry, make that Bergen", "Where do I live?"), "You live in Bergen."),
    (("My name is Alice", "Actually, it's raining", "Who am I?"), "Your name is Alice."),
    (("My dog is called Rex", "My dog is Max", "What's my dog's name?"), "Your dog is Max."),
    (
        ("my fav color is green", "no wait, blue", "what's my favorite color?"),
        "Your fav color is bl",
    ),
    (("I said my dog is Rex, but actually he's Max", "What's my dog called?"), "Your dog is Max."),
    # Work.
    (("I work as a developer", "What do I do for work?"), "You work as a developer."),
    (("I'm a nurse", "What's my job?"), "You are a nurse."),
    (("I'm a nurse", "What do I do?"), "You are a nurse."),
    (("I'm a nurse", "What do I do for a living?"), "You are a nurse."),
    (("I work at Acme as a cook", "Where do I work?"), "You work at Acme as a cook."),
    (("My profession is teaching", "What is my occupation?"), "Your profession is teaching."),
    (("I'm a vegetarian", "What's my job?"), UNKNOWN),
    (("My brother is a pilot", "What's my job?"), UNKNOWN),
    (("My brother is a pilot", "What does my brother do?"), "Your brother is a pilot."),
    (("I used to be a cook but now I'm a baker", "What's my job?"), "You are a baker."),
    (
        ("I have a sister who is a cook", "What does my sister do?"),
        "You have a sister who is a cook.",
    ),
    # Home and age.
    (("I moved to Oslo", "where do I live now?"), "You moved to Oslo."),
    (("I'm from Norway", "Where am I from?"), "You are from Norway."),
    (("I live in Oslo", "What city do I live in?"), "You live in Oslo."),
    (("Now I live in Oslo. I used to live in Rome.", "Where do I live?"), "You live in Oslo."),
    (
        ("Now I live in Oslo. I used to live in Rome.", "Where did I live before?"),
        "You used to live in Rome.",
    ),
    (("I live in Paris", "Do I live in London?"), "You told me: you live in Paris."),
    (("I'm in Paris this week", "Where am I?"), "You are in Paris this week."),
    (("I'm in Paris this week", "Where do I live?"), UNKNOWN),
    (("My sister lives in Bergen", "Where do I live?"), UNKNOWN),
    (("My sister lives in Bergen", "Where does she live?"), "Your sister lives in Bergen."),
    (("I am 34 years old", "How old am I?"), "You are 34 years old."),
    (("I just turned 40", "And my age?"), "You just turned 40."),
    # Anything else, by the words that question and statement share.
    (
        ("My sister's cat is called Miso", "what is my sister's cat called?"),
        "Your sister's cat is called Miso.",
    ),
    (("My sister's cat is called Miso", "what is my cat called?"), UNKNOWN),
    (("My sister's cat is called Miso", "Who is Miso?"), "Your sister's cat is called Miso."),
    (("My dog's name is Rex.", "What is my dog called"), "Your dog's name is Rex."),
    (("My dog's name is Rex.", "How old is my dog?"), UNKNOWN),
    (("I have a dog named Rex", "Do I have a dog?"), "Yes: you have a dog named Rex."),
    (("I have a dog named Rex", "Do I have any pets?"), "Yes: you have a dog named Rex."),
    (("I have a dog named Rex", "Do I have a cat?"), UNKNOWN),
    (("I have a cat, Tom", "What's my cat's name?"), "You have a cat, Tom."),
    (
        ("I have two kids, Ben and Mia", "What are my kids' names?"),
        "You have two kids, Ben and Mia.",
    ),
    (("My wife Anna is a vet", "What's my wife's name?"), "Your wife Anna is a vet."),
    (("Rex is my dog", "What's my dog called?"), "Rex is your dog."),
    (("My mom's name is Ruth", "What's my mother's name?"), "Your mom's name is Ruth."),
    (("I drive a red Volvo", "What car do I drive?"), "You drive a red Volvo."),
    (("I drive a red Volvo", "What colour is my car?"), "You drive a red Volvo."),
    (("I really like hiking", "What do I like to do?"), "You really like hiking."),
    (("My flight is at 9am", "What time is my flight?"), "Your flight is at 9am."),
    (("I live in Paris", "Did I order pizza?"), UNKNOWN),
    (("I don't eat meat", "Do I eat meat?"), "No: you do not eat meat."),
    (("My name is Alice", "Is my name Bob?"), "You told me: your name is Alice."),
    (("I'm allergic to peanuts", "What allergy do I have?"), "You are allergic to peanuts."),
    (
        ("My favourite colour is blue", "What's my favorite color?"),
        "Your favourite colour is blue.",
    ),
    (("My favourite colour is blue", "What's my favourite food?"), UNKNOWN),
    (("My order number is A-1001", "What's my order number?"), "Your order number is A-1001."),
    (
        ("My dentist appointment is on Friday at 10", "When is my appointment?"),
        "Your dentist appointment is on Friday at 10.",
    ),
    (("I bought a bike in May", "When did I buy the bike?"), "You bought a bike in May."),
    (("I parked my car on level 3", "Where is my car?"), "You parked your car on level 3."),
    (("The secret word is tulip", "What's the secret word?"), "The secret word is tulip."),
    (("Remember the number 42", "What number did I tell you?"), "The number 42."),
    (
        ("My dog is Rex. I like tea. My dog eats ham.", "What did I tell you about my dog?"),
        "You told me: your dog is Rex and your dog eats ham.",
    ),
    (
        ("My name is Al", "I like tea", "My name is Bo", "What do you know about me?"),
        "You told me: your name is Bo and you like tea.",
    ),
    (("My name is Al and I'm a cook.", "What's my name and job?"), "Your name is Al and you are"),
    (("My name is Al. What's my name?",), "Noted: your name is Al. Your name is Al."),
    # Whom "he" and "its" speak of, if it is clear.
    (("I have a dog. His name is Rex.", "What's my dog's name?"), "Your dog's name is Rex."),
    (("I have a dog. Its name is Rex. It is big.", "Who is Rex?"), "Your dog's name is Rex."),
    (("My brother is Tom and he lives in Rome", "Where does my brother live?"), "Your brother liv"),
    (("My cat is Tom and my dog is Rex. He is old.", "How old is my dog?"), UNKNOWN),
    (("My name is Alice. His name is Bob.", "What's my name?"), "Your name is Alice."),
    # What sounds like an answer, but is none.
    (("I'm flying to Japan with my sister", "Where does my sister live?"), UNKNOWN),
    (("My boss is old", "That's cool", "Who is my boss?"), "Your boss is old."),
    (("I'm Alice", "It's Monday", "Who am I?"), "You are Alice."),
    (("My name is Alice", "That's not right", "Who am I?"), "Your name is Alice."),
    (("I'm 30", "I'm 180 cm tall", "How old am I?"), "You are 30."),
    (("I live in Oslo", "I don't live in Oslo anymore", "Where do I live?"), UNKNOWN),
    (("I like cats. I don't like dogs.", "What do I like?"), "You like cats."),
    (("I'm from Texas but I live in Boston now", "Where am I from?"), "You are from Texas."),
    (("I live in Boston. I'm from Texas.", "Where do I live?"), "You live in Boston."),
    (("I know a girl who has a dog called Rex", "Do I have a dog?"), UNKNOWN),
    (("My friend has a cat named Tom", "What's my cat's name?"), UNKNOWN),
    (("I wish I had a dog", "Do I have a dog?"), "You told me: you wish you had a dog."),
    (("My friend says I live in Rome", "Where do I live?"), UNKNOWN),
    (("If my name was Bob, what would you call me?", "What's my name?"), UNKNOWN),
    (("My phone is broken", "What's my phone number?"), UNKNOWN),
    (("My favourite colour is red", "What's your favourite colour?"), "I am the offline model"),
    (("I love you", "Do you love me?"), "I am the offline model"),
    (("You are Bob", "Who am I?"), UNKNOWN),
]


@pytest.mark.parametrize(
    ("messages", "expected"), CONVERSATIONS, ids=[" / ".join(case[0]) for case in CONVERSATIONS]
)
async def test_a_conversation_ends_with(messages: tuple[str, ...], expected: str) -> None:
    check(await talk(*messages), expected)
