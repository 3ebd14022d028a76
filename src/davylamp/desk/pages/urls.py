"""Addresses of the pages."""

from django.contrib.auth import views as auth
from django.urls import path

from davylamp.desk.pages import home, login

urlpatterns = [
    path("", home.show, name="home"),
    path("login/", auth.LoginView.as_view(template_name="access/login.html"), name="login"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("second-factor/", login.second_factor, name="second-factor"),
    path("second-factor/setup/", login.set_up, name="second-factor-setup"),
]
